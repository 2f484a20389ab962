#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace eventbus::cli {

/// The one of `known` that `typed` was probably meant to be; empty where none is near. Distance: optimal string
/// alignment (insert, delete, replace, swap neighbours), at most a third of the letters.
std::string nearest(std::string_view typed, const std::vector<std::string>& known);

/// "; did you mean X?" or nothing.
std::string did_you_mean(std::string_view typed, const std::vector<std::string>& known);

}  // namespace eventbus::cli
