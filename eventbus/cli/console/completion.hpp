#pragma once

#include <string>

#include "eventbus/cli/console/command.hpp"

namespace eventbus::cli {

/// Completion scripts made from the command tree: subcommands, options, and the values of options that have choices.
std::string bash_completion(const Program& program);
std::string zsh_completion(const Program& program);
std::string fish_completion(const Program& program);

}  // namespace eventbus::cli
