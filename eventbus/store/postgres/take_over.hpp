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

struct TakeOverSettings {
  std::int64_t step;                  ///< Rows that are numbered in one transaction.
  std::chrono::milliseconds timeout;  ///< Of one step.
  bool index_payloads = false;        ///< `payload_index` is wanted too.
};

/// Makes a table of an earlier service ours while it is in use: indexes without locking writers out, positions for its
/// events in the order they were stored, a few at a time. Builds the index of payloads, which any table may lack. An
/// advisory lock keeps other instances away; what was done stays done when it ends in the middle.
class TakeOver {
 public:
  TakeOver(postgres::Connection& connection, TakeOverSettings settings)
      : connection_(connection), settings_(settings) {}

  /// True: nothing is left. False: another instance is at it. Throws `Unavailable`, also after `stop`.
  asio::awaitable<bool> run();
  /// Ends it soon; the connection is not usable then, and the server finishes an index that it has begun by itself.
  void stop();

 private:
  asio::awaitable<bool> unnumbered();
  asio::awaitable<bool> needed();
  asio::awaitable<bool> lock();
  asio::awaitable<void> finish();
  asio::awaitable<void> number_events();
  asio::awaitable<void> ensure_index(const IndexDefinition& index);
  asio::awaitable<void> give_back();
  asio::awaitable<postgres::Rows> ask(std::string sql);
  asio::awaitable<postgres::Rows> ask(std::string sql, postgres::Deadline deadline);
  postgres::Deadline deadline() const { return std::chrono::steady_clock::now() + settings_.timeout; }

  postgres::Connection& connection_;
  TakeOverSettings settings_;
  bool stopped_ = false;
};

}  // namespace eventbus::postgres_store
