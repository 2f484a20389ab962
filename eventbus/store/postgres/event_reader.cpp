#include "eventbus/store/postgres/event_reader.hpp"

#include "eventbus/telemetry/log.hpp"

namespace eventbus::postgres_store {

void EventTaker::restart() {
  events_.clear();
  bytes_ = 0;
  full_ = false;
}

bool EventTaker::take(const postgres::Row& row) {
  events_.push_back(read_event(row));
  bytes_ += page_bytes(*events_.back().event);
  full_ = bytes_ >= room_;
  return !full_;
}

asio::awaitable<void> EventReader::read(postgres::Statement statement, RowTaker& taker, Source source) {
  const auto deadline = std::chrono::steady_clock::now() + timeout_;
  const bool ask_replica = source == Source::any && replica_ != nullptr;
  bool repeat = false;
  try {
    co_await read_from(ask_replica ? *replica_ : primary_, statement, taker, deadline);
  } catch (const postgres::ServerError& error) {
    repeat = ask_replica || error.retryable();
    if (!repeat) throw;
    log(LogLevel::debug, "a query failed; the primary is asked again", {{"error", std::string_view(error.what())}});
  } catch (const Unavailable&) {
    repeat = ask_replica;
    if (!repeat) throw;
  }
  if (repeat) co_await read_from(primary_, statement, taker, deadline);
}

asio::awaitable<void> EventReader::read_from(postgres::ConnectionPool& pool, postgres::Statement statement,
                                             RowTaker& taker, postgres::Deadline deadline) {
  taker.restart();
  auto lease = co_await pool.acquire(deadline);
  const postgres::Connection::RowSink sink = [&taker](const postgres::Row& row) { return taker.take(row); };
  co_await lease->each_row(std::move(statement), sink, deadline);
}

}  // namespace eventbus::postgres_store
