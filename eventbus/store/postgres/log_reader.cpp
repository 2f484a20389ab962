#include "eventbus/store/postgres/log_reader.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "eventbus/core/error.hpp"
#include "eventbus/store/postgres/event_row.hpp"
#include "eventbus/store/postgres/listing.hpp"
#include "eventbus/store/postgres/schema.hpp"

namespace eventbus::postgres_store {
namespace {

constexpr int horizon_column = event_column_count;

Unavailable numbering_goes_on(Position after) {
  const auto reason = fmt::format(
      "table events of an earlier service is being taken over, and its events behind position {} have no position yet. "
      "Try again later",
      after);
  return Unavailable("reading the log", reason).tell_client(reason);
}

}  // namespace

postgres::Statement log_statement(Position after, std::size_t limit, std::string_view pattern) {
  postgres::Statement statement("SELECT found.*, h.horizon FROM (SELECT ");
  statement.append(reader_horizon_sql("$1")).append(" AS horizon FROM eventbus_log l) h LEFT JOIN LATERAL (SELECT ");
  statement.append(event_columns).append(" FROM events WHERE position > ").append_value(std::int64_t{after});
  statement.append(" AND position < h.horizon");
  append_type_condition(statement, pattern);
  statement.append(" ORDER BY position LIMIT ").append_value(static_cast<std::int64_t>(limit));
  statement.append(") found ON true");
  if (!pattern.empty()) statement.planned_each_time();
  return statement;
}

void LogTaker::restart() {
  EventTaker::restart();
  horizon_ = 0;
}

bool LogTaker::take(const postgres::Row& row) {
  horizon_ = row.integer(horizon_column);
  return row.is_null(1) || EventTaker::take(row);
}

EventStore::LogPage LogTaker::page() {
  // Only behind the last numbered event of a table that is being taken over; an empty page would say that it was all.
  if (events().empty() && horizon_ <= after_ + 1 && after_ < first_base - 1) throw numbering_goes_on(after_);
  const bool cut = events().size() == limit_ || full();
  const auto scanned = cut ? events().back().position : std::max(after_, horizon_ - 1);
  return {std::move(events()), scanned};
}

}  // namespace eventbus::postgres_store
