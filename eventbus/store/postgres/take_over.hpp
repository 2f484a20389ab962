#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>

#include "eventbus/postgres/connection.hpp"
#include "eventbus/store/postgres/schema.hpp"

namespace eventbus::postgres_store {

namespace asio = boost::asio;

/// The advisory lock of the instance that takes a table over.
inline constexpr std::int64_t take_over_lock = 0x6576656e74627573;  // "eventbus"

/// Makes a table of an earlier service ours while it is in use: indexes without locking writers out, positions for its
/// events in the order they were stored, a few at a time. An advisory lock keeps other instances away; what was done
/// stays done when it ends in the middle.
class TakeOver {
 public:
  TakeOver(postgres::Connection& connection, std::int64_t step, std::chrono::milliseconds timeout)
      : connection_(connection), step_(step), timeout_(timeout) {}

  /// True: nothing is left. False: another instance is at it.
  asio::awaitable<bool> run();

 private:
  asio::awaitable<bool> needed();
  asio::awaitable<bool> lock();
  asio::awaitable<void> finish();
  asio::awaitable<void> number_events();
  asio::awaitable<void> ensure_index(const IndexDefinition& index);
  asio::awaitable<void> give_back();
  asio::awaitable<postgres::Rows> ask(std::string sql);
  asio::awaitable<postgres::Rows> ask(std::string sql, postgres::Deadline deadline);
  postgres::Deadline deadline() const { return std::chrono::steady_clock::now() + timeout_; }

  postgres::Connection& connection_;
  std::int64_t step_;
  std::chrono::milliseconds timeout_;
};

}  // namespace eventbus::postgres_store
