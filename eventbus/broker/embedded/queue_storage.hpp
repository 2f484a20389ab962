#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "eventbus/broker/broker.hpp"
#include "eventbus/broker/embedded/binding_history.hpp"
#include "eventbus/broker/embedded/queue_commit.hpp"
#include "eventbus/core/queue.hpp"

namespace eventbus::embedded {

/// A queue as it is on disk.
struct StoredQueue {
  std::int64_t id = 0;
  QueueDefinition definition;
  std::vector<BindingEpoch> epochs;
  bool paused = false;
  Position declared_at = 0;
  Timestamp declared_time{};
  QueueProgress progress;
  std::vector<OutstandingRow> rows;
  std::uint64_t dead_letters = 0;
};

/// Which dead letters, with event ids looked up. Empty `positions` and `reason`: all.
struct DeadLetterFilter {
  bool by_position = false;
  std::vector<Position> positions;
  std::string reason;
};

/// Where the broker keeps its queues. Every write is durable when it returns and throws `Unavailable` when nothing of
/// it was stored; writes take effect in the order of their calls. On the event-loop thread.
class QueueStorage {
 public:
  virtual ~QueueStorage() = default;

  virtual asio::awaitable<std::vector<StoredQueue>> load() = 0;
  /// Stores a new queue; its id is new for ever.
  virtual asio::awaitable<std::int64_t> create(StoredQueue queue) = 0;
  virtual asio::awaitable<void> redefine(std::int64_t queue, QueueDefinition definition,
                                         std::vector<BindingEpoch> epochs) = 0;
  virtual asio::awaitable<void> set_paused(std::int64_t queue, bool paused) = 0;
  virtual asio::awaitable<void> remove(std::int64_t queue) = 0;
  /// Nothing happens when the queue was removed. `commit` must live until it returns.
  virtual asio::awaitable<void> commit(std::int64_t queue, const QueueCommit& commit) = 0;

  /// Behind `after`, ascending, at most `limit`.
  virtual asio::awaitable<std::vector<DeadLetterRow>> dead_letters(std::int64_t queue, Position after,
                                                                   std::size_t limit, DeadLetterFilter filter) = 0;
  virtual asio::awaitable<std::uint64_t> count_dead_letters(std::int64_t queue, DeadLetterFilter filter) = 0;
  /// Those that still are dead letters. Returns how many that were.
  virtual asio::awaitable<std::size_t> delete_dead_letters(std::int64_t queue, std::vector<Position> positions) = 0;
  /// Deletes the dead letters of the rows' events and puts the rows in their stead. Returns those of which the events
  /// still were dead letters; without one whose name another entry has.
  virtual asio::awaitable<std::vector<OutstandingRow>> revive(std::int64_t queue, std::vector<OutstandingRow> rows) = 0;
};

}  // namespace eventbus::embedded
