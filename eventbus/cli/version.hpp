#pragma once

#include <string_view>

namespace eventbus::cli {

/// The release, e.g. "0.1.0".
std::string_view version();

}  // namespace eventbus::cli
