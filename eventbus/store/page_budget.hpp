#pragma once

#include <cstddef>

#include "eventbus/core/event.hpp"

namespace eventbus {

/// A page of events ends before its limit once its events have so many bytes.
inline constexpr std::size_t most_page_bytes = std::size_t{32} << 20U;

/// What an event takes of them.
inline std::size_t page_bytes(const Event& event) {
  return event.payload.size() + event.cloudevent.size();
}

}  // namespace eventbus
