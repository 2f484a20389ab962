#pragma once

#include "eventbus/broker/embedded/queue_storage.hpp"
#include "eventbus/sqlite/database.hpp"

namespace eventbus::embedded {

/// Queues in tables beside the events, written by the same writer: acknowledgements share transactions and flushes with
/// publishes. `database` must outlive it.
class SqliteQueueStorage final : public QueueStorage {
 public:
  /// Brings the tables up to date. Blocking; before the event loop runs. Throws as `sqlite::Database::migrate`.
  explicit SqliteQueueStorage(sqlite::Database& database);

  asio::awaitable<std::vector<StoredQueue>> load() override;
  asio::awaitable<std::int64_t> create(StoredQueue queue) override;
  asio::awaitable<void> redefine(std::int64_t queue, QueueDefinition definition,
                                 std::vector<BindingEpoch> epochs) override;
  asio::awaitable<void> set_paused(std::int64_t queue, bool paused) override;
  asio::awaitable<void> remove(std::int64_t queue) override;
  asio::awaitable<void> commit(std::int64_t queue, const QueueCommit& commit) override;

  asio::awaitable<std::vector<DeadLetterRow>> dead_letters(std::int64_t queue, Position after, std::size_t limit,
                                                           DeadLetterFilter filter) override;
  asio::awaitable<std::uint64_t> count_dead_letters(std::int64_t queue, DeadLetterFilter filter) override;
  asio::awaitable<std::size_t> delete_dead_letters(std::int64_t queue, std::vector<Position> positions) override;
  asio::awaitable<std::vector<OutstandingRow>> revive(std::int64_t queue, std::vector<OutstandingRow> rows) override;

 private:
  sqlite::Database& database_;
};

}  // namespace eventbus::embedded
