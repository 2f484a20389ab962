#include "eventbus/cli/console/help.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "eventbus/cli/console/table.hpp"

namespace eventbus::cli {
namespace {

struct PresetText {
  std::string operator()(const std::string* text) const { return *text; }
  std::string operator()(const std::int64_t* number) const { return std::to_string(*number); }
  std::string operator()(const double* number) const { return fmt::format("{}", *number); }
  std::string operator()(const void*) const { return {}; }
};

std::string preset_of(const Option& option) {
  return option.preset.empty() ? std::visit(PresetText{}, option.target) : option.preset;
}

/// "-t, --type TYPE".
std::string left_side(const Option& option) {
  std::string names = option.names.starts_with("--") ? "    " + option.names : option.names;
  if (option.is_positional()) return option.names;
  if (const auto comma = names.find(','); comma != std::string::npos) names.insert(comma + 1, " ");
  return option.placeholder.empty() ? names : names + " " + option.placeholder;
}

std::string right_side(const Option& option) {
  std::string text = option.help;
  if (!option.choices.empty()) text += fmt::format(" ({})", fmt::join(option.choices, ", "));
  if (const auto preset = preset_of(option); !preset.empty()) text += " [default: " + preset + "]";
  if (option.required) text += " (required)";
  if (option.is_list()) text += "; may be repeated";
  return text;
}

using Lines = std::vector<std::pair<std::string, std::string>>;

std::string section(std::string_view title, const Lines& lines, const Console& console) {
  if (lines.empty()) return {};
  std::size_t width = 0;
  for (const auto& [left, right] : lines) width = std::max(width, display_width(left));
  std::string text = "\n" + console.paint(Style::bold, title) + "\n";
  for (const auto& [left, right] : lines) {
    text += fmt::format("  {}{}  {}\n", left, std::string(width - display_width(left), ' '), right);
  }
  return text;
}

Lines lines_of(const std::vector<Option>& options, bool positional) {
  Lines lines;
  for (const auto& option : options) {
    if (option.is_positional() == positional) lines.emplace_back(left_side(option), right_side(option));
  }
  return lines;
}

Lines lines_of(const std::vector<Command>& commands) {
  Lines lines;
  for (const auto& command : commands) lines.emplace_back(command.name, command.summary);
  return lines;
}

Lines exit_code_lines() {
  Lines lines;
  for (const auto& [code, meaning] : exit_codes) lines.emplace_back(std::to_string(static_cast<int>(code)), meaning);
  return lines;
}

std::string examples_text(const Command& command, const Console& console) {
  if (command.examples.empty()) return {};
  std::string text = "\n" + console.paint(Style::bold, "Examples") + "\n";
  for (const auto& [example, meaning] : command.examples) {
    text += "  " + console.paint(Style::dim, "# " + meaning) + "\n  " + example + "\n";
  }
  return text;
}

void append_markdown(std::string& out, const Program& program, std::vector<const Command*>& path) {
  const auto& command = *path.back();
  if (path.size() > 1) {
    out += fmt::format("\n{} `{}`\n\n{}.\n", path.size() == 2 ? "##" : "###", path_text(path), command.summary);
    if (!command.details.empty()) out += "\n" + command.details + "\n";
    if (command.run) out += fmt::format("\n```\n{}\n```\n", usage_text(path));
    if (!command.options.empty()) out += "\n| argument | |\n|---|---|\n";
    for (const bool positional : {true, false}) {
      for (auto [left, right] : lines_of(command.options, positional)) {
        left.erase(0, left.find_first_not_of(' '));
        out += fmt::format("| `{}` | {} |\n", left, right);
      }
    }
    if (!command.examples.empty()) out += "\n```sh\n";
    for (const auto& [example, meaning] : command.examples) out += fmt::format("# {}\n{}\n", meaning, example);
    if (!command.examples.empty()) out += "```\n";
  }
  for (const auto& child : command.subcommands) {
    path.push_back(&child);
    append_markdown(out, program, path);
    path.pop_back();
  }
}

}  // namespace

std::string path_text(const std::vector<const Command*>& path) {
  std::string text;
  for (const auto* command : path) text += (text.empty() ? "" : " ") + command->name;
  return text;
}

std::string usage_text(const std::vector<const Command*>& path) {
  std::string text = path_text(path);
  if (!path.back()->subcommands.empty()) return text + " COMMAND [OPTIONS]";
  text += " [OPTIONS]";
  for (const auto& option : path.back()->options) {
    if (!option.is_positional()) continue;
    const auto name = option.names + (option.is_list() ? "..." : "");
    text += option.required ? " " + name : " [" + name + "]";
  }
  return text;
}

std::vector<std::string> option_names(const Command& command, const std::vector<Option>& global_options) {
  std::vector<std::string> names{"--help"};
  for (const auto* options : {&command.options, &global_options}) {
    for (const auto& option : *options) {
      if (!option.is_positional()) names.push_back(option.long_name());
    }
  }
  return names;
}

std::string help_text(const Program& program, const std::vector<const Command*>& path, const Console& console) {
  const auto& command = *path.back();
  std::string text = command.summary + ".\n\n" + console.paint(Style::bold, "Usage") + "\n  " + usage_text(path) + "\n";
  text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  if (!command.details.empty()) text += "\n" + command.details + "\n";
  auto global = lines_of(program.global_options, false);
  global.emplace_back("-h, --help", "show this help");
  text += section("Commands", lines_of(command.subcommands), console);
  text += section("Arguments", lines_of(command.options, true), console);
  text += section("Options", lines_of(command.options, false), console);
  text += section("Everywhere", global, console);
  text += examples_text(command, console);
  if (path.size() == 1) text += section("Exit codes", exit_code_lines(), console);
  return text;
}

std::string reference_markdown(const Program& program) {
  std::string out = "# Command line\n\nWritten by `eventbus help --markdown`; a test compares it with the program.\n";
  out +=
      fmt::format("\n```\n{}\n```\n\nEvery command takes:\n\n| option | |\n|---|---|\n", usage_text({&program.root}));
  for (auto [left, right] : lines_of(program.global_options, false)) {
    left.erase(0, left.find_first_not_of(' '));
    out += fmt::format("| `{}` | {} |\n", left, right);
  }
  out += "| `-h, --help` | show help with examples |\n\n| exit status | meaning |\n|---|---|\n";
  for (const auto& [code, meaning] : exit_code_lines()) out += fmt::format("| `{}` | {} |\n", code, meaning);
  std::vector<const Command*> path{&program.root};
  append_markdown(out, program, path);
  return out;
}

}  // namespace eventbus::cli
