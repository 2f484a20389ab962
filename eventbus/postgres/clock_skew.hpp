#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <optional>
#include <string>

#include "eventbus/core/timestamp.hpp"
#include "eventbus/postgres/connection_pool.hpp"

namespace eventbus::postgres {

/// More than this is worth a warning: retries, leases and ages are told by several clocks.
inline constexpr std::chrono::seconds tolerated_skew{5};

/// How far the clock of the server, which said `theirs` between `asked` and `answered` of ours, is ahead of ours at
/// least: what the way may explain is no skew. Negative: behind.
std::chrono::microseconds skew_between(Timestamp asked, Timestamp theirs, Timestamp answered);

/// What to tell of such a skew, with the setting that names the server; none when it is tolerated.
std::optional<std::string> describe_skew(std::chrono::microseconds skew, const ConnectionSettings& server);

/// Asks the server for its time. Throws `Unavailable`.
asio::awaitable<std::chrono::microseconds> measure_skew(ConnectionPool& pool, Deadline deadline);

}  // namespace eventbus::postgres
