#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <list>
#include <span>

#include "eventbus/runtime/signal.hpp"
#include "eventbus/runtime/task_group.hpp"
#include "eventbus/store/outbox.hpp"

namespace eventbus {

/// Publishers that wait for the broker's confirm of their event. What is confirmed here they hear at once; what another
/// instance relays is found in the outbox by one look for all of them, at a pace that slows down while nothing is
/// found, because then the broker is away. A storage that fails is looked at again: their events are stored, whatever
/// it says now. For the event-loop thread.
class ConfirmWaits {
 public:
  /// `busy_poll`: the time between looks while events flow.
  ConfirmWaits(const asio::any_io_executor& executor, Outbox& outbox, std::chrono::milliseconds busy_poll)
      : executor_(executor), outbox_(outbox), busy_poll_(busy_poll), ended_(executor), looker_(executor) {}

  /// True once the event of this position is confirmed; false at the deadline or at the end of the service.
  asio::awaitable<bool> wait(Position position, std::chrono::steady_clock::time_point deadline);
  /// The broker has these.
  void confirmed(std::span<const OutboxEntry> entries);
  /// Nobody waits any more. Idempotent.
  void stop();
  /// After `stop`: returns when nothing is under way.
  asio::awaitable<void> join() { return looker_.join(); }

 private:
  struct Waiting {
    Waiting(const asio::any_io_executor& executor, Position wanted) : position(wanted), told(executor) {}
    Position position;
    bool published = false;
    Signal told;
  };
  class Place;

  asio::awaitable<void> look_for_all();
  asio::awaitable<bool> look();

  asio::any_io_executor executor_;
  Outbox& outbox_;
  std::chrono::milliseconds busy_poll_;
  std::list<Waiting*> waiting_;
  Signal ended_;
  TaskGroup looker_;
  std::chrono::milliseconds pause_{};  ///< Until the next look.
  bool looking_ = false;
  bool stopped_ = false;
};

}  // namespace eventbus
