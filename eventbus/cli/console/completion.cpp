#include "eventbus/cli/console/completion.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "eventbus/cli/console/help.hpp"

namespace eventbus::cli {
namespace {

using Path = std::vector<const Command*>;

void visit(Path& path, const std::function<void(const Path&)>& each) {
  each(path);
  for (const auto& child : path.back()->subcommands) {
    path.push_back(&child);
    visit(path, each);
    path.pop_back();
  }
}

void visit(const Program& program, const std::function<void(const Path&)>& each) {
  Path path{&program.root};
  visit(path, each);
}

std::vector<std::string> words_after(const Program& program, const Path& path) {
  std::vector<std::string> words;
  for (const auto& child : path.back()->subcommands) words.push_back(child.name);
  for (const auto& option : path.back()->options) {
    if (option.is_positional()) words.insert(words.end(), option.choices.begin(), option.choices.end());
  }
  for (auto& name : option_names(*path.back(), program.global_options)) words.push_back(std::move(name));
  return words;
}

std::string subcommand_text(const Path& path) {
  return path_text({path.begin() + 1, path.end()});
}

/// Inside a single-quoted word of zsh's _values and _arguments or of fish.
std::string quoted(std::string text) {
  for (std::size_t at = 0; (at = text.find('\'', at)) != std::string::npos; at += 4) text.replace(at, 1, "'\\''");
  return text;
}

std::string zsh_text(std::string text) {
  std::string safe;
  for (const char c : quoted(std::move(text))) {
    if (c == '[' || c == ']' || c == ':') safe += '\\';
    safe += c;
  }
  return safe;
}

std::string zsh_option(const Option& option) {
  const auto name = option.long_name();
  if (option.is_flag()) return fmt::format(" '{}[{}]'", name, zsh_text(option.help));
  const auto values =
      option.choices.empty() ? std::string("_files") : fmt::format("({})", fmt::join(option.choices, " "));
  return fmt::format(" '{}{}[{}]:{}:{}'", option.is_list() ? "*" : "", name, zsh_text(option.help), option.placeholder,
                     values);
}

std::string fish_option(const std::string& condition, const Option& option) {
  auto line = fmt::format("complete -c eventbus -n '{}' -l {} -d '{}'", condition, option.long_name().substr(2),
                          quoted(option.help));
  if (!option.is_flag()) line += " -r";
  if (!option.choices.empty()) line += fmt::format(" -f -a '{}'", fmt::join(option.choices, " "));
  return line + "\n";
}

}  // namespace

std::string bash_completion(const Program& program) {
  std::string cases;
  std::string values;
  visit(program, [&](const Path& path) {
    cases +=
        fmt::format("    '{}') words='{}' ;;\n", subcommand_text(path), fmt::join(words_after(program, path), " "));
    for (const auto& option : path.back()->options) {
      if (option.is_positional() || option.choices.empty()) continue;
      values += fmt::format("    '{} {}') words='{}' ;;\n", subcommand_text(path), option.long_name(),
                            fmt::join(option.choices, " "));
    }
  });
  return fmt::format(R"(# bash completion of eventbus; load it with: source <(eventbus completion bash)
_eventbus() {{
  local word chain='' previous="${{COMP_WORDS[COMP_CWORD-1]}}" words=''
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case "$word" in -*) break ;; esac
    chain="${{chain:+$chain }}$word"
  done
  while :; do
    case "$chain" in
{}    *) [[ $chain == *' '* ]] && {{ chain="${{chain% *}}"; continue; }} ;;
    esac
    break
  done
  case "$chain $previous" in
{}  esac
  COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _eventbus eventbus
)",
                     cases, values);
}

std::string zsh_completion(const Program& program) {
  std::string cases;
  visit(program, [&](const Path& path) {
    const auto& command = *path.back();
    std::string arguments;
    for (const auto& option : command.options) {
      if (!option.is_positional()) arguments += zsh_option(option);
    }
    for (const auto& option : program.global_options) arguments += zsh_option(option);
    for (const auto& option : command.options) {
      if (!option.choices.empty() && option.is_positional()) {
        arguments += fmt::format(" '*:{}:({})'", option.names, fmt::join(option.choices, " "));
      }
    }
    std::string names;
    for (const auto& child : command.subcommands) names += " " + child.name;
    if (!names.empty()) arguments += fmt::format(" '*:command:({})'", names.substr(1));
    cases += fmt::format("    '{}') _arguments '--help[show help]'{} ;;\n", subcommand_text(path), arguments);
  });
  return fmt::format(R"(#compdef eventbus
# zsh completion of eventbus; load it with: source <(eventbus completion zsh)
_eventbus() {{
  local chain='' word
  for word in "${{(@)words[2,CURRENT-1]}}"; do
    [[ $word == -* ]] && break
    chain="${{chain:+$chain }}$word"
  done
  while :; do
    case "$chain" in
{}    *) [[ $chain == *' '* ]] && {{ chain="${{chain% *}}"; continue }} ;;
    esac
    break
  done
}}
compdef _eventbus eventbus
)",
                     cases);
}

std::string fish_completion(const Program& program) {
  std::string lines = "# fish completion of eventbus; load it with: eventbus completion fish | source\n";
  visit(program, [&](const Path& path) {
    const auto& command = *path.back();
    std::string condition = path.size() == 1 ? "__fish_use_subcommand" : "__fish_seen_subcommand_from " + path[1]->name;
    if (path.size() == 3) condition += "; and __fish_seen_subcommand_from " + command.name;
    for (const auto& child : command.subcommands) {
      lines +=
          fmt::format("complete -c eventbus -f -n '{}' -a {} -d '{}'\n", condition, child.name, quoted(child.summary));
    }
    for (const auto& option : command.options) {
      if (!option.is_positional()) lines += fish_option(condition, option);
    }
  });
  for (const auto& option : program.global_options) lines += fish_option("true", option);
  return lines;
}

}  // namespace eventbus::cli
