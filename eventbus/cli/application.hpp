#pragma once

#include <span>
#include <string>

#include "eventbus/cli/console/command.hpp"
#include "eventbus/cli/session.hpp"

namespace eventbus::cli {

/// The whole command tree. `session` outlives it.
Program make_program(Session& session);

/// Runs one command. Every error ends here: it becomes a line on `console.err` and an exit code.
ExitCode run_application(std::span<const std::string> arguments, Console& console);

}  // namespace eventbus::cli
