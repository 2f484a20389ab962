#pragma once

#include <cstddef>

#include "eventbus/core/event.hpp"
#include "eventbus/core/event_json.hpp"

namespace eventbus {

/// How much a consumer takes at a time: at most so many events, whose JSON is together at most so many bytes; but one,
/// whatever its size.
struct Credit {
  std::size_t events = 1;
  std::size_t bytes = std::size_t{16} << 20U;
  bool used = false;

  /// Pays for one more; false where the credit doesn't reach.
  bool pay(const StoredEvent& stored) {
    const auto cost = most_json_bytes(stored) + of_delivery;
    if (events == 0 || (used && cost > bytes)) return false;
    --events;
    bytes -= cost < bytes ? cost : bytes;
    used = true;
    return true;
  }

 private:
  static constexpr std::size_t of_delivery = 256;  ///< Its id, the attempt, when the first one was.
};

}  // namespace eventbus
