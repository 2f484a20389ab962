#pragma once

#include <functional>
#include <memory>

#include "eventbus/broker/broker_clock.hpp"
#include "eventbus/broker/embedded/queue.hpp"
#include "eventbus/runtime/task_group.hpp"
#include "eventbus/store/event_store.hpp"

namespace eventbus::embedded {

/// Shows, redrives and deletes the dead letters of queues.
class DeadLetterDesk {
 public:
  /// `revived` is called when events became ready. `stopping` ends throttled work when notified. Redriving waits while
  /// `most_again` or more of what was redriven are in the queue, which leaves room there for what stands before it.
  DeadLetterDesk(TaskGroup& tasks, EventStore& store, QueueStorage& storage, const Position& head, BrokerClock clock,
                 Signal& stopping, std::size_t most_again, std::function<void(const QueuePtr&)> revived)
      : tasks_(tasks),
        store_(store),
        storage_(storage),
        head_(head),
        clock_(std::move(clock)),
        stopping_(stopping),
        most_again_(most_again),
        revived_(std::move(revived)) {}

  asio::awaitable<DeadLetterPage> page(QueuePtr queue, Position after, std::size_t limit);
  /// Takes the selected dead letters away, back into the queue when `revive`.
  asio::awaitable<RedriveOutcome> move(QueuePtr queue, DeadLetterSelection selection, bool revive,
                                       std::uint32_t events_per_second, bool dry_run);
  void stop() { stopped_ = true; }

 private:
  struct Work {
    QueuePtr queue;
    DeadLetterFilter filter;
    bool revive;
    std::uint32_t events_per_second;
    std::uint64_t most;  ///< Move still.
    Position after;
    Position last;         ///< Later ones stay,
    Timestamp asked_at;    ///< and so do those that die from now on.
    bool at_once = false;  ///< The caller waits: places for all of them are reserved.
    std::uint64_t reserved = 0;
    std::unique_ptr<Admission> places = nullptr;  ///< So many.
  };
  asio::awaitable<DeadLetterFilter> resolve(DeadLetterSelection selection);
  static std::uint64_t most_of(const Work& work);
  static std::uint64_t room(const Work& work);
  static void reserve(Work& work, std::uint64_t places);
  bool has_room(const Work& work) const;
  asio::awaitable<bool> move_some(Work& work);
  /// Those of them that are still dead letters. How many that were.
  asio::awaitable<std::size_t> redrive(const QueuePtr& queue, std::vector<Position> positions);
  asio::awaitable<void> move_in_background(Work work);

  TaskGroup& tasks_;
  EventStore& store_;
  QueueStorage& storage_;
  const Position& head_;
  BrokerClock clock_;
  Signal& stopping_;
  std::size_t most_again_;
  std::function<void(const QueuePtr&)> revived_;
  bool stopped_ = false;
};

}  // namespace eventbus::embedded
