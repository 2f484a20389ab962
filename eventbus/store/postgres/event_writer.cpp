#include "eventbus/store/postgres/event_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "eventbus/runtime/crash_point.hpp"
#include "eventbus/store/postgres/event_row.hpp"
#include "eventbus/store/postgres/schema.hpp"

namespace eventbus::postgres_store {
namespace {

constexpr int most_attempts = 10;
constexpr int groups_that_expect_repeats = 16;
constexpr std::string_view collision_class = "40";

std::string append_sql(std::size_t events) {
  return fmt::format(
      "BEGIN ISOLATION LEVEL READ COMMITTED;"
      "SELECT {0}, (extract(epoch FROM now()) * 1000000)::bigint FROM eventbus_log l;"
      "COPY events ({1}) FROM STDIN (FORMAT binary);"
      "INSERT INTO eventbus_outbox SELECT {0}, {0} + {2}, now() FROM eventbus_log l;"
      "COMMIT;"
      "SELECT {3} FROM eventbus_log l",
      first_position_sql, copied_columns, events - 1, horizon_sql);
}

std::string encode(const std::vector<EventPtr>& events, Position first, Timestamp stored_at) {
  postgres::CopyEncoder rows(event_column_count);
  for (const auto& event : events) write_event(rows, first++, stored_at, *event);
  return rows.take();
}

std::vector<std::string_view> ids_of(const std::vector<AppendRequest>& requests) {
  std::vector<std::string_view> ids;
  for (const auto& request : requests) {
    for (const auto& draft : request.drafts) ids.emplace_back(draft.event->event_id);
  }
  return ids;
}

/// Whether the same group may be tried again at once: it is certain that nothing was stored.
bool worth_repeating(const postgres::ServerError& failure, bool commit_sent) {
  if (failure.sqlstate() == postgres::unique_violation || failure.sqlstate().starts_with(collision_class)) return true;
  return !commit_sent && failure.retryable();
}

}  // namespace

asio::awaitable<std::vector<std::vector<Appended>>> EventWriter::write(std::vector<AppendRequest> requests) {
  const auto deadline = std::chrono::steady_clock::now() + timeout_;
  KnownEvents known;
  bool look_first = expect_repeats_ > 0;
  if (look_first) --expect_repeats_;
  std::optional<AppendPlan> plan;
  Attempt attempt;
  for (int attempts = 1; !attempt.place; ++attempts) {
    if (look_first) known = co_await look_up(ids_of(requests), deadline);
    plan.emplace(requests, known);
    if (plan->refuses_request() && !std::exchange(look_first, true)) continue;
    if (plan->inserts().empty()) break;
    attempt = co_await store(plan->inserts(), deadline);
    if (attempt.place) break;
    if (attempts == most_attempts || !worth_repeating(*attempt.failure, attempt.commit_sent))
      throw postgres::ServerError(*attempt.failure);
    look_first = look_first || attempt.failure->sqlstate() == postgres::unique_violation;
    if (look_first) expect_repeats_ = groups_that_expect_repeats;
  }
  const auto place = attempt.place.value_or(Place{});
  co_return std::move(*plan).results(place.first, place.stored_at);
}

asio::awaitable<KnownEvents> EventWriter::look_up(std::vector<std::string_view> ids, postgres::Deadline deadline) {
  static const std::string sql = "SELECT " + std::string(event_columns) + " FROM events WHERE event_id = ANY($1)";
  postgres::Statement statement(sql);
  statement.add(ids);
  auto lease = co_await pool_.acquire(deadline);
  const auto rows = co_await lease->execute(std::move(statement), deadline);
  KnownEvents known;
  for (int index = 0; index < rows.size(); ++index) {
    auto stored = read_event(rows[index]);
    const std::string_view id = stored.event->event_id;
    known.emplace(id, std::move(stored));
  }
  co_return known;
}

asio::awaitable<EventWriter::Attempt> EventWriter::store(const std::vector<EventPtr>& events,
                                                         postgres::Deadline deadline) {
  if (events.size() > most_events_of_a_transaction)
    throw Unavailable("storing events",
                      fmt::format("a request holds more than {} events", most_events_of_a_transaction));
  Attempt attempt;
  auto lease = co_await pool_.acquire(deadline);
  try {
    co_await copy(*lease, events, attempt, deadline);
  } catch (const postgres::ServerError& error) {
    attempt.failure.emplace(error);
  }
  if (attempt.failure) co_await lease->roll_back(deadline);
  co_return attempt;
}

asio::awaitable<void> EventWriter::copy(postgres::Connection& connection, const std::vector<EventPtr>& events,
                                        Attempt& attempt, postgres::Deadline deadline) {
  const auto begun = co_await connection.begin_copy(append_sql(events.size()), deadline);
  const auto row = begun.at(1)[0];
  const Place place{row.integer(0), Timestamp(std::chrono::microseconds(row.integer(1)))};
  auto data = encode(events, place.first, place.stored_at);
  crash_point("store.before_commit");
  attempt.commit_sent = true;
  const auto ended = co_await connection.finish_copy(std::move(data), deadline);
  attempt.place = place;
  horizon_ = std::max(horizon_, Position{ended.back()[0].integer(0)});
  crash_point("store.after_commit");
}

}  // namespace eventbus::postgres_store
