#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

namespace eventbus {

/// With `std::equal_to<>`, a table of texts that is looked up without making a string.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

}  // namespace eventbus
