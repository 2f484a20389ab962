#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "eventbus/core/event.hpp"

namespace eventbus::embedded {

/// An event that was routed to a queue. `key` is the hash of its ordering key, 0 for none.
struct Routed {
  Position position = 0;
  Timestamp stored_at{};  ///< At most the broker's start where it was stored before that.
  std::uint64_t key = 0;
  bool operator==(const Routed&) const = default;
};

/// Where a queue stands, as it is on disk. Of the events up to `frontier` that match, those in `gaps` and those with a
/// row are outstanding, the others settled. Behind it everything that matches is still to be delivered: `backlog`
/// events up to `counted_to`.
struct QueueProgress {
  Position frontier = 0;
  Position counted_to = 0;
  std::uint64_t backlog = 0;
  std::vector<Routed> gaps{};  ///< Ascending; first attempts.
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
  std::uint32_t attempts = 0;
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
};

/// One queue's share of a transaction.
struct QueueCommit {
  QueueProgress progress;
  std::vector<OutstandingRow> rows;  ///< Inserted or replaced.
  std::vector<Routed> spilled;       ///< First attempts that get a row because there are too many gaps.
  std::vector<Position> settled_rows;
  std::vector<DeadLetterRow> dead_letters;
  std::vector<Settling> settlings;
  bool purge = false;
};

/// `gaps` as compact bytes for the disk, and back. Throws std::runtime_error when the bytes are damaged.
std::string encode_gaps(const std::vector<Routed>& gaps);
std::vector<Routed> decode_gaps(std::string_view bytes);

}  // namespace eventbus::embedded
