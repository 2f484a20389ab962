#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "eventbus/cli/setting.hpp"

namespace eventbus::cli {

/// What values are allowed, e.g. "a whole number from 1 to 10000 is allowed".
std::string allowed(const Setting& setting);
/// What is wrong with a value that somebody gave, for "BATCH_SIZE is '0': …"; none for a right one. Without anything of
/// the value itself, which may be secret.
std::optional<std::string> fault_of(const Setting& setting, std::string_view text);
/// A value as people may see it: on one line, passwords masked.
std::string shown(const Setting& setting, std::string_view text);

}  // namespace eventbus::cli
