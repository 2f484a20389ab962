#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "eventbus/cli/console/exit_code.hpp"

namespace eventbus::cli {

/// Where the value of an option goes. Whoever makes the option keeps it alive.
using OptionTarget = std::variant<bool*, std::string*, std::vector<std::string>*, std::int64_t*, double*,
                                  std::optional<std::int64_t>*, std::optional<double>*, std::optional<std::string>*>;

/// One flag (`bool*`), option or positional argument. A list (`std::vector<std::string>*`) may be given several times.
struct Option {
  std::string names;        ///< "-t,--type", "--yes", or the name of a positional: "QUEUE".
  std::string placeholder;  ///< What stands for the value in the help; empty for flags and positionals.
  std::string help;
  OptionTarget target;
  bool required = false;
  std::vector<std::string> choices = {};  ///< Only these values; empty: any.
  std::int64_t min = 0;                   ///< For numbers.
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
  std::string preset = {};  ///< What the help shows as default where the target's value doesn't tell.

  bool is_flag() const { return std::holds_alternative<bool*>(target); }
  bool is_list() const { return std::holds_alternative<std::vector<std::string>*>(target); }
  bool is_positional() const { return !names.starts_with('-'); }
  std::string long_name() const;  ///< "--type"; of a positional its name.
};

struct Example {
  std::string command;
  std::string meaning;
};

/// A node of the command tree: a group of subcommands, or a command to run. The one source of parsing, help, the
/// reference in docs/command-line.md and shell completion.
struct Command {
  std::string name;
  std::string summary;  ///< One line, lower case, without a full stop.
  std::string details = {};
  std::vector<Option> options = {};
  std::vector<Example> examples = {};
  std::vector<Command> subcommands = {};
  std::function<ExitCode()> run = {};
};

/// A whole program: its commands and the options that every command takes.
struct Program {
  Command root;
  std::vector<Option> global_options;
};

/// What the arguments ask for.
struct Invocation {
  std::vector<const Command*> path;  ///< From the root to the command.
  bool help = false;
  const Command& command() const { return *path.back(); }
};

/// Reads the arguments (without the program's name) into the options' targets. The error is one line for the user that
/// names the argument at fault, what is allowed, and the nearest known word.
std::expected<Invocation, std::string> parse_arguments(const Program& program, std::span<const std::string> arguments);

}  // namespace eventbus::cli
