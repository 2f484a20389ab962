#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <optional>
#include <vector>

#include "eventbus/core/event.hpp"

namespace eventbus {

namespace asio = boost::asio;

/// One committed append whose events the broker may not have yet: the positions `first` to `last`, without gaps.
struct OutboxEntry {
  Position first = 0;
  Position last = 0;
  Timestamp stored_at{};
};

struct OutboxStats {
  std::int64_t pending_events = 0;
  std::optional<Timestamp> oldest;  ///< When the oldest entry was stored; none when nothing is pending.
};

/// What a store keeps, in the transaction that stores events, for the relay that hands them to the broker
/// (transactional outbox). Shared by all instances over one database: who relays which entry is the relay's to decide.
/// For the event-loop thread; all throw `Unavailable` when the storage fails.
class Outbox {
 public:
  virtual ~Outbox() = default;

  /// Forgets entries that the broker has confirmed (those that are gone already are ignored), then gives the first
  /// `limit` of the others by position. An entry that was committed before another began comes before it; one that
  /// commits late may appear before entries that were returned earlier. What was forgotten may be back when the storage
  /// crashes within a second: it is relayed again then.
  virtual asio::awaitable<std::vector<OutboxEntry>> advance(std::vector<OutboxEntry> confirmed, std::size_t limit) = 0;
  /// The events of these entries, by position. Fewer where events were deleted meanwhile.
  virtual asio::awaitable<std::vector<StoredEvent>> read(std::vector<OutboxEntry> entries) = 0;
  /// Those of the positions that an entry has; in any order.
  virtual asio::awaitable<std::vector<Position>> held(std::vector<Position> positions) = 0;
  virtual asio::awaitable<OutboxStats> stats() = 0;
};

}  // namespace eventbus
