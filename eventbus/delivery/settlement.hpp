#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "eventbus/core/event.hpp"

namespace eventbus::delivery {

/// Names one entry of a queue: the position of what was routed to it; a number below 0, never given twice, for what
/// entered again.
using EntryId = std::int64_t;

inline bool entered_again(EntryId entry) {
  return entry < 0;
}

/// Where an entry stands in its queue: what was routed at its position, in turn 0; what entered again at the end of the
/// log, in a later turn.
struct Place {
  Position at = 0;
  std::int64_t turn = 0;
  auto operator<=>(const Place&) const = default;
};

/// An entry in the line.
struct Seat {
  Place place;
  EntryId entry = 0;
  auto operator<=>(const Seat&) const = default;
};

/// An event that was routed to a queue. `key` is the hash of its ordering key, 0 for none.
struct Routed {
  Position position = 0;
  Timestamp entered_at{};  ///< When it came to the queue; not in the future, should the clock have been set back.
  std::uint64_t key = 0;
  bool operator==(const Routed&) const = default;
};

inline Seat seat_of(const Routed& event) {
  return {{event.position, 0}, event.position};
}

/// An outstanding entry with more to say than its position.
struct OutstandingRow {
  Routed event;
  Seat seat;
  std::uint32_t attempt = 1;
  Timestamp due{};               ///< Not to be delivered before.
  Timestamp first_attempt_at{};  ///< The epoch: none yet.
  Timestamp first_failed_at{};   ///< The epoch: none yet.
  Timestamp last_failed_at{};    ///< The epoch: none yet, or not known. From here `due` was reckoned.

  /// `due` by a clock that shows `now`, and that may have been set back.
  Timestamp due_by(Timestamp now) const;
};

struct DeadLetterRow {
  Position position = 0;
  std::string reason;
  std::uint32_t attempts = 0;  ///< That were made.
  Timestamp first_failed_at{};
  Timestamp last_failed_at{};
};

enum class Fate : std::uint8_t { acked, purged, retried, dead };

/// What was decided about one entry; in force once it is on disk.
struct Settling {
  EntryId entry = 0;
  Fate fate = Fate::acked;
  std::uint32_t type = 0;  ///< As given to `QueueState::handed_out`.
  Timestamp leased_at{};   ///< The epoch: was not in flight.
  Timestamp due{};         ///< Of a retry.
  Timestamp failed_at{};
  std::string reason{};  ///< Of a dead letter.
  bool lease_ended = false;
  bool waited = false;  ///< For an attempt that was not made.
};

/// The row of one that failed and is tried again.
OutstandingRow retried(OutstandingRow row, const Settling& settling);
/// What one that is given up leaves behind.
DeadLetterRow dead_letter(const OutstandingRow& row, const Settling& settling);

/// What was decided about events of one queue, to be written at once.
struct Settlement {
  std::vector<OutstandingRow> rows;  ///< Inserted or replaced.
  std::vector<EntryId> settled_rows;
  std::vector<DeadLetterRow> dead_letters;
  std::vector<Settling> settlings;
  bool purge = false;
};

}  // namespace eventbus::delivery
