#pragma once

#include <functional>

#include "eventbus/broker/embedded/body_cache.hpp"
#include "eventbus/broker/embedded/queue.hpp"
#include "eventbus/runtime/task_group.hpp"
#include "eventbus/store/event_store.hpp"

namespace eventbus::embedded {

/// Brings queues that lag forward along the log: fills their windows, counts what they have before them, and lets them
/// take part in live routing once they are counted. From memory where the newest events suffice, else from the store.
class QueueFiller {
 public:
  /// Events of the log that one read looks through.
  struct Sizes {
    std::size_t routes;  ///< For what they are routed by.
    std::size_t events;  ///< As a whole.
  };

  /// `filled` is called after each read: events may have become ready. `stopping` ends reading when notified.
  QueueFiller(TaskGroup& tasks, EventStore& store, BodyCache& cache, delivery::RoutingTable& routing,
              const Position& head, Signal& stopping, Sizes sizes, std::function<void(const QueuePtr&)> filled)
      : tasks_(tasks),
        store_(store),
        cache_(cache),
        routing_(routing),
        head_(head),
        stopping_(stopping),
        sizes_(sizes),
        filled_(std::move(filled)) {}

  /// What is in the log now was stored before `now`, whatever its times say: the clock may have been set back since.
  void start(Timestamp now) {
    stored_before_start_ = head_;
    started_ = now;
  }
  /// Fills what the queue lacks; true when events came from memory at once, or the end of the log was reached. Reads in
  /// the background otherwise.
  bool fill(const QueuePtr& queue);
  void stop() { stopped_ = true; }

 private:
  struct Scan;

  Scan scan(Queue& queue, std::size_t room, Position from = 0) const;
  bool fill_from_memory(Queue& queue);
  void count_from_memory(Queue& queue);
  void join_routing(Queue& queue);
  asio::awaitable<void> read(QueuePtr queue);
  asio::awaitable<bool> read_once(QueuePtr queue);
  asio::awaitable<void> read_window(QueuePtr queue);
  asio::awaitable<void> read_events(QueuePtr queue);
  asio::awaitable<void> count_backlog(QueuePtr queue);

  TaskGroup& tasks_;
  EventStore& store_;
  BodyCache& cache_;
  delivery::RoutingTable& routing_;
  const Position& head_;
  Signal& stopping_;
  Sizes sizes_;
  std::function<void(const QueuePtr&)> filled_;
  Position stored_before_start_ = 0;
  Timestamp started_{};
  bool stopped_ = false;
};

}  // namespace eventbus::embedded
