#include "eventbus/delivery/settlement.hpp"

#include <algorithm>

namespace eventbus::delivery {

// Of a clock that was set back since the last failure nobody knows how much of the wait is over: all of it is left.
Timestamp OutstandingRow::due_by(Timestamp now) const {
  const auto failed_at = std::max(first_failed_at, last_failed_at);
  return failed_at > now ? now + (due - failed_at) : due;
}

}  // namespace eventbus::delivery
