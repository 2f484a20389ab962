#pragma once

#include <string>
#include <vector>

#include "eventbus/cli/console/command.hpp"
#include "eventbus/cli/console/console.hpp"

namespace eventbus::cli {

/// "eventbus queues show".
std::string path_text(const std::vector<const Command*>& path);
/// "eventbus queues show [OPTIONS] QUEUE".
std::string usage_text(const std::vector<const Command*>& path);
/// Every long option of a command, the global ones and --help included.
std::vector<std::string> option_names(const Command& command, const std::vector<Option>& global_options);

/// What --help prints.
std::string help_text(const Program& program, const std::vector<const Command*>& path, const Console& console);
/// docs/command-line.md: every command of the program.
std::string reference_markdown(const Program& program);

}  // namespace eventbus::cli
