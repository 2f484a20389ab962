#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "eventbus/delivery/settlement.hpp"

namespace eventbus::embedded {

using delivery::DeadLetterRow;
using delivery::EntryId;
using delivery::Fate;
using delivery::OutstandingRow;
using delivery::Routed;
using delivery::Settling;

/// Where a queue stands, as it is on disk. Of the events up to `frontier` that match, those in `gaps` and those with a
/// row are outstanding, the others settled. Behind it everything that matches is still to be delivered: `backlog`
/// events up to `counted_to`.
struct QueueProgress {
  Position frontier = 0;
  Position counted_to = 0;
  std::uint64_t backlog = 0;
  std::vector<Routed> gaps{};  ///< Ascending; first attempts.
};

/// One queue's share of a transaction.
struct QueueCommit : delivery::Settlement {
  QueueProgress progress;
  std::vector<Routed> spilled;  ///< First attempts that get a row because there are too many gaps.
};

/// `gaps` as compact bytes for the disk, and back. Throws std::runtime_error when the bytes are damaged.
std::string encode_gaps(const std::vector<Routed>& gaps);
std::vector<Routed> decode_gaps(std::string_view bytes);

}  // namespace eventbus::embedded
