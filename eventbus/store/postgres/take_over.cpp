#include "eventbus/store/postgres/take_over.hpp"

#include <fmt/format.h>

#include <ranges>

#include "eventbus/core/error.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus::postgres_store {
namespace {

// The server works on when nobody waits any more: an index of a huge table had better be waited for.
constexpr std::chrono::hours most_for_an_index{24};

// The row of eventbus_log is locked for the step; events that come meanwhile have a position already.
constexpr std::string_view number_sql = R"sql(
WITH log AS (SELECT taken_over FROM eventbus_log FOR UPDATE),
batch AS (
  SELECT event_id, row_number() OVER (ORDER BY created_at, event_id) AS number
  FROM (SELECT event_id, created_at FROM events WHERE position IS NULL ORDER BY created_at, event_id LIMIT {}) AS oldest),
numbered AS (
  UPDATE events SET position = log.taken_over + batch.number FROM batch, log WHERE events.event_id = batch.event_id
  RETURNING 1)
UPDATE eventbus_log SET taken_over = taken_over + (SELECT count(*) FROM numbered)
RETURNING (SELECT count(*) FROM numbered), taken_over
)sql";

}  // namespace

asio::awaitable<postgres::Rows> TakeOver::ask(std::string sql) {
  co_return co_await ask(std::move(sql), deadline());
}

asio::awaitable<postgres::Rows> TakeOver::ask(std::string sql, postgres::Deadline deadline) {
  if (stopped_) throw Unavailable("preparing table events", "the service shuts down");
  auto results = co_await connection_.script(std::move(sql), deadline);
  co_return std::move(results.back());
}

asio::awaitable<bool> TakeOver::unnumbered() {
  const auto rows = co_await ask("SELECT (NOT complete)::int::bigint FROM eventbus_log");
  co_return rows[0].integer(0) == 1;
}

asio::awaitable<bool> TakeOver::needed() {
  if (co_await unnumbered()) co_return true;
  if (!settings_.index_payloads) co_return false;
  const auto rows = co_await ask(fmt::format(
      "SELECT count(*) FROM pg_index WHERE indexrelid = to_regclass('{}') AND indisvalid", payload_index().name));
  co_return rows[0].integer(0) == 0;
}

void TakeOver::stop() {
  stopped_ = true;
  connection_.end_wait();
}

asio::awaitable<bool> TakeOver::lock() {
  const auto rows = co_await ask(fmt::format("SELECT pg_try_advisory_lock({})::int::bigint", take_over_lock));
  co_return rows[0].integer(0) == 1;
}

asio::awaitable<void> TakeOver::give_back() {
  co_await ask(fmt::format("SET statement_timeout = {}; SELECT pg_advisory_unlock({})",
                           connection_.settings().statement_timeout.count(), take_over_lock));
}

asio::awaitable<bool> TakeOver::run() {
  if (!co_await needed()) co_return true;
  if (!co_await lock()) co_return false;
  std::exception_ptr failure;
  try {
    co_await ask("SET statement_timeout = 0");
    if (co_await unnumbered()) co_await finish();
    if (settings_.index_payloads) co_await ensure_index(payload_index());
  } catch (const Unavailable&) {
    failure = std::current_exception();
  }
  if (connection_.usable() && !stopped_) co_await give_back();
  if (failure) std::rethrow_exception(failure);
  co_return true;
}

asio::awaitable<void> TakeOver::finish() {
  log(LogLevel::info, "table events was written by another service; its events are numbered and indexed meanwhile");
  // Without these each step would sort the whole table, and whoever follows the log or the outbox would read it.
  for (const auto& index : std::views::take(event_indexes(), indexes_before_numbering)) co_await ensure_index(index);
  co_await number_events();
  for (const auto& index : event_indexes()) co_await ensure_index(index);
  co_await number_events();
  co_await ask("UPDATE eventbus_log SET complete = true");
  log(LogLevel::info, "table events is taken over");
}

asio::awaitable<void> TakeOver::number_events() {
  for (std::int64_t numbered = -1; numbered != 0;) {
    const auto rows = co_await ask(fmt::format(number_sql, settings_.step));
    numbered = rows[0].integer(0);
    if (numbered > 0) log(LogLevel::debug, "events were numbered", {{"so_far", rows[0].integer(1)}});
  }
}

/// An index that an interrupted build left invalid is built again.
asio::awaitable<void> TakeOver::ensure_index(const IndexDefinition& index) {
  const auto found = co_await ask(
      fmt::format("SELECT count(*) FROM pg_index WHERE indexrelid = to_regclass('{}') AND NOT indisvalid", index.name));
  if (found[0].integer(0) > 0) co_await ask(fmt::format("DROP INDEX CONCURRENTLY {}", index.name));
  co_await ask(fmt::format("CREATE {}INDEX CONCURRENTLY IF NOT EXISTS {} ON {}", index.unique ? "UNIQUE " : "",
                           index.name, index.definition),
               std::chrono::steady_clock::now() + most_for_an_index);
}

}  // namespace eventbus::postgres_store
