#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "eventbus/core/error.hpp"
#include "eventbus/library/deduplicator.hpp"

namespace eventbus {

/// A transaction in which an event is remembered. On the loop; undone when destroyed without a commit. Throws
/// `Unavailable`.
class HandlingTransaction {
 public:
  virtual ~HandlingTransaction() = default;
  /// `invalid` for what is the statement's fault.
  virtual asio::awaitable<Result<SqlResult>> execute(std::string sql,
                                                     std::vector<std::optional<std::string>> values) = 0;
  /// Whether it was not ended by a statement.
  virtual bool open() const = 0;
  virtual asio::awaitable<void> commit() = 0;
  virtual asio::awaitable<void> roll_back() = 0;
};

/// The table of handled events in one database, for one consumer. Made, used and destroyed on the loop. Throws
/// `Unavailable`.
class DeduplicatorBackend {
 public:
  static constexpr std::uint64_t most_forgotten = 10'000;  ///< At a time.
  static constexpr std::chrono::seconds patience{30};      ///< Of each step.

  virtual ~DeduplicatorBackend() = default;
  virtual asio::awaitable<void> prepare() = 0;
  virtual asio::awaitable<bool> contains(std::string event_id) = 0;
  /// Remembers the event in a new transaction. Null: it was handled before.
  virtual asio::awaitable<std::unique_ptr<HandlingTransaction>> begin(std::string event_id) = 0;
  /// Forgets at most `most_forgotten` events beyond the limits; how many.
  virtual asio::awaitable<std::uint64_t> forget_some() = 0;
  virtual asio::awaitable<std::uint64_t> size() = 0;
};

/// Connects when first used. `invalid` for a URL that is none.
Result<std::unique_ptr<DeduplicatorBackend>> postgres_deduplicator(const asio::any_io_executor& loop,
                                                                   const std::string& url, std::string consumer,
                                                                   DeduplicatorLimits limits);
std::unique_ptr<DeduplicatorBackend> sqlite_deduplicator(const asio::any_io_executor& loop, std::string file,
                                                         std::string consumer, DeduplicatorLimits limits);

}  // namespace eventbus
