#include "eventbus/delivery/settlement.hpp"

#include <algorithm>

namespace eventbus::delivery {

// Of a clock that was set back since the last failure nobody knows how much of the wait is over: all of it is left.
Timestamp OutstandingRow::due_by(Timestamp now) const {
  const auto failed_at = std::max(first_failed_at, last_failed_at);
  return failed_at > now ? now + (due - failed_at) : due;
}

OutstandingRow retried(OutstandingRow row, const Settling& settling) {
  ++row.attempt;
  row.due = settling.due;
  if (row.first_failed_at == Timestamp{}) row.first_failed_at = settling.failed_at;
  row.last_failed_at = settling.failed_at;
  return row;
}

DeadLetterRow dead_letter(const OutstandingRow& row, const Settling& settling) {
  const auto first = row.first_failed_at == Timestamp{} ? settling.failed_at : row.first_failed_at;
  const auto attempts = settling.waited ? row.attempt - 1 : row.attempt;
  return {row.event.position, settling.reason, attempts, first, settling.failed_at};
}

}  // namespace eventbus::delivery
