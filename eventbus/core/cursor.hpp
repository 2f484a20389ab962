#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "eventbus/core/event.hpp"

namespace eventbus {

/// A place in commit order. On the wire: opaque URL-safe text that begins with 'p'.
std::string encode(const LogPlace& place);
void append_place(std::string& out, const LogPlace& place);

/// Where a listing (ordered by timestamp, then arrival) goes on. `snapshot` is the last position that belongs to the
/// listing: events stored later are not in it, so pages never skip nor repeat an event. On the wire it begins with 'l'.
struct ListingCursor {
  Timestamp timestamp{};
  Position position = 0;
  Position snapshot = 0;
  bool descending = false;
  LifeId life = 0;  ///< Of the snapshot.
  LogPlace end() const { return {snapshot, life}; }
  bool operator==(const ListingCursor&) const = default;
};

std::string encode(const ListingCursor& cursor);
std::optional<ListingCursor> decode_listing(std::string_view text);

/// Where a listing of dead letters goes on: after the one at that place, and with that number where several may be at
/// one. On the wire a place, then '.' and the number where there is one.
struct DeadLetterCursor {
  LogPlace place;
  std::int64_t number = 0;
  bool operator==(const DeadLetterCursor&) const = default;
};

std::string encode(const DeadLetterCursor& cursor);
std::optional<DeadLetterCursor> decode_dead_letter(std::string_view text);

/// Reads the place of an event's `cursor` or an SSE id; of a listing cursor its end (go on live after a listing). A
/// text that names no life is from before lives were recorded.
std::optional<LogPlace> decode_place(std::string_view text);

}  // namespace eventbus
