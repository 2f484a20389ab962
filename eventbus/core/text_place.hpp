#pragma once

#include <cstddef>

namespace eventbus {

/// A place in a text. Both count from 1; columns are characters.
struct TextPlace {
  std::size_t line = 1;
  std::size_t column = 1;
};

}  // namespace eventbus
