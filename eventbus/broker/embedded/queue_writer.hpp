#pragma once

#include <functional>

#include "eventbus/broker/broker_clock.hpp"
#include "eventbus/broker/embedded/queue.hpp"
#include "eventbus/runtime/task_group.hpp"

namespace eventbus::embedded {

/// Writes what queues decided, one commit a queue at a time: while one is on its way to the disk the next one gathers.
class QueueWriter {
 public:
  /// `closed` is called after each commit, durable or undone: events may have become ready.
  QueueWriter(TaskGroup& tasks, QueueStorage& storage, BrokerMetrics& metrics, const Position& head, BrokerClock clock,
              std::function<void(const QueuePtr&)> closed)
      : tasks_(tasks),
        storage_(storage),
        metrics_(metrics),
        head_(head),
        clock_(std::move(clock)),
        closed_(std::move(closed)) {}

  /// Returns when everything decided so far is durable. Throws `Unavailable` when it could not be written; then the
  /// decisions of this commit are undone.
  asio::awaitable<void> durable(QueuePtr queue);
  /// Starts writing without waiting. `always`: even when nothing but counters changed.
  void write(QueuePtr queue, bool always = false);

 private:
  asio::awaitable<void> drain(QueuePtr queue, bool always);
  asio::awaitable<std::exception_ptr> store(const QueuePtr& queue, const QueueCommit& commit);
  void observe(Queue& queue, const QueueCommit& commit);

  TaskGroup& tasks_;
  QueueStorage& storage_;
  BrokerMetrics& metrics_;
  const Position& head_;
  BrokerClock clock_;
  std::function<void(const QueuePtr&)> closed_;
};

}  // namespace eventbus::embedded
