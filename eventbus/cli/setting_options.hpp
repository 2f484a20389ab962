#pragma once

#include <memory>
#include <string>
#include <vector>

#include "eventbus/cli/configuration.hpp"
#include "eventbus/cli/console/command.hpp"

namespace eventbus::cli {

/// The settings as command-line options, for the commands that take them.
class SettingOptions {
 public:
  SettingOptions();
  std::vector<Option> options();
  /// Reads file and environment as well. Throws CommandFailed that names each wrong value and what is allowed.
  Configuration resolve() const;

 private:
  std::vector<std::optional<std::string>> values_;  ///< One a setting.
  std::string file_;
};

}  // namespace eventbus::cli
