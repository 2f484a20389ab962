#include "eventbus/postgres/clock_skew.hpp"

#include <fmt/format.h>

namespace eventbus::postgres {

using std::chrono::microseconds;

microseconds skew_between(Timestamp asked, Timestamp theirs, Timestamp answered) {
  if (theirs > answered) return theirs - answered;
  return theirs < asked ? theirs - asked : microseconds{0};
}

std::optional<std::string> describe_skew(microseconds skew, const ConnectionSettings& server) {
  if (skew <= tolerated_skew && skew >= -tolerated_skew) return std::nullopt;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(skew).count();
  return fmt::format(
      "the clock of the database in {} is {} s {} ours. Synchronize the clocks of both machines (NTP, chrony): until "
      "then times of events, retries and ages are wrong",
      server.variable(), std::abs(seconds), seconds > 0 ? "ahead of" : "behind");
}

asio::awaitable<microseconds> measure_skew(ConnectionPool& pool, Deadline deadline) {
  auto lease = co_await pool.acquire(deadline);
  Statement statement("SELECT clock_timestamp()");
  const auto asked = now();
  const auto rows = co_await lease->execute(std::move(statement), deadline);
  co_return skew_between(asked, rows[0].time(0), now());
}

}  // namespace eventbus::postgres
