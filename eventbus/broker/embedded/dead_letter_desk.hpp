#pragma once

#include <functional>

#include "eventbus/broker/embedded/queue.hpp"
#include "eventbus/runtime/task_group.hpp"
#include "eventbus/store/event_store.hpp"

namespace eventbus::embedded {

/// Shows, redrives and deletes the dead letters of queues.
class DeadLetterDesk {
 public:
  /// `revived` is called when events became ready. `stopping` ends throttled work when notified.
  DeadLetterDesk(TaskGroup& tasks, EventStore& store, QueueStorage& storage, Signal& stopping,
                 std::size_t max_outstanding, std::function<void(const QueuePtr&)> revived)
      : tasks_(tasks),
        store_(store),
        storage_(storage),
        stopping_(stopping),
        max_outstanding_(max_outstanding),
        revived_(std::move(revived)) {}

  asio::awaitable<DeadLetterPage> page(QueuePtr queue, Position after, std::size_t limit);
  /// Takes the selected dead letters away, back into the queue when `revive`. Returns how many matched.
  asio::awaitable<std::uint64_t> move(QueuePtr queue, DeadLetterSelection selection, bool revive,
                                      std::uint32_t events_per_second, bool dry_run);
  void stop() { stopped_ = true; }

 private:
  struct Work {
    QueuePtr queue;
    DeadLetterFilter filter;
    bool revive;
    std::uint32_t events_per_second;
    Position after;
    Position last;  ///< Later ones, also those that fail again meanwhile, stay.
  };
  asio::awaitable<DeadLetterFilter> resolve(DeadLetterSelection selection);
  asio::awaitable<bool> move_some(Work& work);
  asio::awaitable<void> move_in_background(Work work);

  TaskGroup& tasks_;
  EventStore& store_;
  QueueStorage& storage_;
  Signal& stopping_;
  std::size_t max_outstanding_;
  std::function<void(const QueuePtr&)> revived_;
  bool stopped_ = false;
};

}  // namespace eventbus::embedded
