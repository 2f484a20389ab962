#include "eventbus/cli/application.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <functional>
#include <ostream>

#include "eventbus/cli/commands.hpp"
#include "eventbus/cli/console/completion.hpp"
#include "eventbus/cli/console/help.hpp"
#include "eventbus/cli/console/output.hpp"
#include "eventbus/cli/console/suggestion.hpp"
#include "eventbus/cli/version.hpp"

namespace eventbus::cli {
namespace {

struct HelpOptions {
  std::vector<std::string> path;
  bool markdown = false;
};

Program make_program_of_commands(Session& session, const std::shared_ptr<bool>& version) {
  Command root{.name = "eventbus",
               .summary = "publish events, store them durably, deliver them at least once",
               .options = {{"--version", "", "show the version", version.get()}},
               .examples = {{"eventbus serve", "run the server"},
                            {"eventbus publish --type user.created --payload '{\"user_id\": 123}'", "publish an event"},
                            {"eventbus queues declare mailer --bind 'user.*'", "make a queue"},
                            {"eventbus subscribe mailer", "consume it"}}};
  root.run = [&session, version] { return *version ? version_command(session).run() : ExitCode::usage; };
  root.subcommands = {serve_command(session),        publish_command(session),  subscribe_command(session),
                      tail_command(session),         events_command(session),   queues_command(session),
                      dead_letters_command(session), breakers_command(session), bench_command(session),
                      config_command(session),       version_command(session)};
  return {.root = std::move(root),
          .global_options = {{"--url", "URL", "the server (environment: EVENTBUS_URL)", &session.url},
                             {"--json", "", "JSON instead of tables for people", &session.json}}};
}

ExitCode complete(Session& session, const std::string& shell) {
  const auto program = make_program(session);
  session.console.out << (shell == "bash"  ? bash_completion(program)
                          : shell == "zsh" ? zsh_completion(program)
                                           : fish_completion(program));
  return ExitCode::ok;
}

Command completion_command(Session& session) {
  auto shell = std::make_shared<std::string>();
  return {.name = "completion",
          .summary = "print a completion script for a shell",
          .options = {{"SHELL", "", "for which shell", shell.get(), true, {"bash", "zsh", "fish"}}},
          .examples = {{"source <(eventbus completion bash)", "in ~/.bashrc"},
                       {"source <(eventbus completion zsh)", "in ~/.zshrc, after compinit"},
                       {"eventbus completion fish > ~/.config/fish/completions/eventbus.fish", "once"}},
          .run = [&session, shell] { return complete(session, *shell); }};
}

ExitCode show_help(Session& session, const HelpOptions& options) {
  const auto program = make_program(session);
  if (options.markdown) {
    session.console.out << reference_markdown(program);
    return ExitCode::ok;
  }
  std::vector<const Command*> path{&program.root};
  for (const auto& word : options.path) {
    const Command* found = nullptr;
    std::vector<std::string> known;
    for (const auto& child : path.back()->subcommands) {
      known.push_back(child.name);
      if (child.name == word) found = &child;
    }
    if (found == nullptr)
      throw CommandFailed(ExitCode::usage, "unknown command '" + word + "'" + did_you_mean(word, known));
    path.push_back(found);
  }
  session.console.out << help_text(program, path, session.console);
  return ExitCode::ok;
}

Command help_command(Session& session) {
  auto options = std::make_shared<HelpOptions>();
  return {.name = "help",
          .summary = "show help for a command",
          .options = {{"COMMAND", "", "which", &options->path},
                      {"--markdown", "", "the whole reference", &options->markdown}},
          .examples = {{"eventbus help queues declare", "the same as: eventbus queues declare --help"}},
          .run = [&session, options] { return show_help(session, *options); }};
}

void tell(const Console& console, std::string_view message) {
  if (console.err_colour) {
    console.err << "\033[31meventbus:\033[0m " << message << "\n";
  } else {
    console.err << "eventbus: " << message << "\n";
  }
}

ExitCode run_program(const Program& program, std::span<const std::string> arguments, const Console& console) {
  const auto invocation = parse_arguments(program, arguments);
  if (!invocation) {
    tell(console, invocation.error());
    return ExitCode::usage;
  }
  const auto& command = invocation->command();
  const bool group = !command.subcommands.empty();
  if (!invocation->help && command.run) {
    const auto code = command.run();
    if (!group || code == ExitCode::ok) return code;
  }
  const bool asked = invocation->help || arguments.empty();
  (asked ? console.out : console.err) << help_text(program, invocation->path, console);
  return asked ? ExitCode::ok : ExitCode::usage;
}

/// What `work` returns, or the exit code for what it throws, which is told.
ExitCode told(const Console& console, const std::function<ExitCode()>& work) {
  try {
    return work();
  } catch (const CommandFailed& failure) {
    tell(console, failure.what());
    return failure.code();
  } catch (const Unreachable& failure) {
    tell(console, failure.what());
    return ExitCode::unreachable;
  } catch (const Interrupted&) {
    return ExitCode::interrupted;
  } catch (const OutputLost& failure) {
    console.err.tie(nullptr);  // what is left of the output can't be written before the reason either
    if (!failure.reader_gone()) tell(console, failure.what());
    return ExitCode::failed;
  } catch (const std::exception& failure) {
    tell(console, failure.what());
    return ExitCode::failed;
  }
}

}  // namespace

Program make_program(Session& session) {
  auto program = make_program_of_commands(session, std::make_shared<bool>(false));
  program.root.subcommands.push_back(completion_command(session));
  program.root.subcommands.push_back(help_command(session));
  return program;
}

ExitCode run_application(std::span<const std::string> arguments, Console& console) {
  Session session{.console = console};
  const auto code = told(console, [&] {
    if (const char* url = std::getenv("EVENTBUS_URL")) session.url = url;
    return run_program(make_program(session), arguments, console);
  });
  if (!console.out) return code;
  return told(console, [&] {
    console.out.flush();
    return code;
  });
}

}  // namespace eventbus::cli
