#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "eventbus/core/error.hpp"

namespace eventbus {

namespace asio = boost::asio;

/// How much a consumer remembers; whichever limit is reached first holds. An event that comes again after it was
/// forgotten is handled again, so remember for longer than events can wait in queues and dead letters.
struct DeduplicatorLimits {
  std::size_t entries = 1'000'000;                   ///< Newest events, from 1; up to a tenth more for each instance.
  std::chrono::seconds age = std::chrono::days{30};  ///< From 1 s.
};

/// What an SQL statement did.
struct SqlResult {
  std::uint64_t affected = 0;                                 ///< Rows that it changed or returned.
  std::vector<std::vector<std::optional<std::string>>> rows;  ///< As text; none is NULL.
};

/// Makes a handler effectively once, although an event is delivered at least once: remembers in a database which events
/// a consumer has handled, across restarts and for all its instances. Table eventbus_handled_events, keyed by consumer
/// and event id, in PostgreSQL or in an SQLite file; best where the handler's own tables are, because then `once` makes
/// its work and remembering it one transaction. All members may be called from any thread, but not from within `once`:
/// use its transaction there. Each operation exists twice: one that blocks, and one with the prefix `async_` to be
/// awaited on any executor. None throws: a database that fails is the error `unavailable`, and works again when it
/// recovers. Must outlive its operations.
class Deduplicator {
 public:
  class Transaction;
  using Work = std::function<void(Transaction&)>;
  using AsyncWork = std::function<asio::awaitable<void>(Transaction&)>;

  /// `database`: postgresql://… as in DATABASE_URL, or the path of an SQLite file, which is made if missing and may be
  /// used by several processes; ":memory:" is one that ends with this object. `consumer` has 1 to 255 bytes and names
  /// who handles; all its instances share it. Connects when first used.
  Deduplicator(std::string database, std::string consumer, DeduplicatorLimits limits = {});
  ~Deduplicator();
  Deduplicator(const Deduplicator&) = delete;
  Deduplicator& operator=(const Deduplicator&) = delete;

  /// Makes the table. What uses it first does so by itself; this tells what is wrong before the first event comes.
  Result<void> initialize_schema();
  asio::awaitable<Result<void>> async_initialize_schema();

  /// Handles an event that was not handled before. What `work` writes with the transaction, and that the event is
  /// handled, take effect together or not at all, whenever the program dies. True: both have. False: it was handled
  /// before, and `work` was not called. While one call has an event in hand, others wait for its outcome. An exception
  /// of `work` undoes everything and goes on to the caller; so does the error of a statement in it, which becomes the
  /// result. After `unavailable` it may have taken effect: call again to know. SQLite lets one transaction at a time,
  /// PostgreSQL eight for each object; further calls wait up to 30 s for their turn.
  Result<bool> once(std::string event_id, const Work& work);
  asio::awaitable<Result<bool>> async_once(std::string event_id, AsyncWork work);

  /// Whether the event was handled. For work that no transaction can hold, a mail, say: ask, work, then `remember`. A
  /// crash between the last two repeats the work.
  Result<bool> contains(std::string event_id);
  asio::awaitable<Result<bool>> async_contains(std::string event_id);

  /// True: remembered, on disk. False: it was before, by another instance for example.
  Result<bool> remember(std::string event_id);
  asio::awaitable<Result<bool>> async_remember(std::string event_id);

  /// How many events of the consumer the table holds. Looks at each of them.
  Result<std::size_t> size();
  asio::awaitable<Result<std::size_t>> async_size();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The transaction of `once`, for as long as its work runs; one statement at a time.
class Deduplicator::Transaction {
 public:
  /// Runs one SQL statement; `values` stand for its parameters $1, $2, …, as text. `invalid` with the database's
  /// message for what is the statement's fault, a violated constraint included. After an error the transaction can only
  /// be undone, whatever the work does about it. The work must not end the transaction.
  Result<SqlResult> execute(std::string sql, std::vector<std::optional<std::string>> values = {});
  asio::awaitable<Result<SqlResult>> async_execute(std::string sql,
                                                   std::vector<std::optional<std::string>> values = {});

 private:
  friend class Deduplicator;
  struct State;
  explicit Transaction(State& state) : state_(state) {}
  State& state_;
};

}  // namespace eventbus
