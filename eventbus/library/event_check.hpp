#pragma once

#include <cstddef>
#include <vector>

#include "eventbus/core/error.hpp"
#include "eventbus/core/event.hpp"

namespace eventbus {

/// What `make_event` does, with the knowledge of what was given. A payload always counts as given.
Result<EventDraft> draft_of(Event fields);

/// Events of a batch that may go on, and the results of the others.
struct CheckedBatch {
  std::vector<EventPtr> events;
  std::vector<std::size_t> places;  ///< Of each of them in the batch.
  std::vector<Result<bool>> results;

  /// What became of `events`, in their order.
  std::vector<Result<bool>> with(const std::vector<Result<bool>>& fates) &&;
};
CheckedBatch check_batch(std::vector<Event> events);

}  // namespace eventbus
