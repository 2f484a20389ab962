#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "eventbus/core/event.hpp"

namespace eventbus::delivery {

/// An event that was routed to a queue. `key` is the hash of its ordering key, 0 for none.
struct Routed {
  Position position = 0;
  Timestamp stored_at{};  ///< At most the broker's start where it was stored before that.
  std::uint64_t key = 0;
  bool operator==(const Routed&) const = default;
};

/// An outstanding event with more to say than its position.
struct OutstandingRow {
  Routed event;
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

/// What was decided about one event; in force once it is on disk.
struct Settling {
  Position position = 0;
  Fate fate = Fate::acked;
  std::uint32_t type = 0;  ///< As given to `QueueState::set_type`.
  Timestamp leased_at{};   ///< The epoch: was not in flight.
  Timestamp due{};         ///< Of a retry.
  Timestamp failed_at{};
  std::string reason{};  ///< Of a dead letter.
  bool lease_ended = false;
  bool waited = false;  ///< For an attempt that was not made.
};

/// What was decided about events of one queue, to be written at once.
struct Settlement {
  std::vector<OutstandingRow> rows;  ///< Inserted or replaced.
  std::vector<Position> settled_rows;
  std::vector<DeadLetterRow> dead_letters;
  std::vector<Settling> settlings;
  bool purge = false;
};

}  // namespace eventbus::delivery
