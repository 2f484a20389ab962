#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "eventbus/core/event.hpp"
#include "eventbus/sqlite/connection.hpp"

namespace eventbus {

/// The columns that `read_event` expects, in its order.
inline constexpr std::string_view event_columns =
    "position, event_id, timestamp, (SELECT name FROM types WHERE id = type), stored_at, "
    "(SELECT name FROM exchanges WHERE id = exchange), routing_key, ordering_key, correlation_id, traceparent, "
    "cloudevent, payload";

StoredEvent read_event(const sqlite::Statement& row);
std::string_view payload_of(const sqlite::Statement& row);

/// An event id as it is stored: the 16 bytes of a UUID in canonical lower-case form, else the text itself, which must
/// outlive the key.
class IdKey {
 public:
  explicit IdKey(std::string_view event_id);
  /// The key must outlive the binding.
  void bind(sqlite::Statement& statement, int index) const;

 private:
  std::string_view text_;
  std::array<char, 16> bytes_{};
  bool uuid_;
};

std::int64_t to_micros(Timestamp time);
Timestamp from_micros(std::int64_t micros);

}  // namespace eventbus
