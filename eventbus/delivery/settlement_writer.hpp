#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "eventbus/broker/broker_clock.hpp"
#include "eventbus/core/queue.hpp"
#include "eventbus/delivery/lane.hpp"
#include "eventbus/delivery/queue_state.hpp"
#include "eventbus/runtime/suspend.hpp"
#include "eventbus/runtime/task_group.hpp"

namespace eventbus::delivery {

inline constexpr std::chrono::seconds rest_after_failure{1};  ///< Before background work is tried again.

/// Has written what one queue decided, one commit at a time: while one is on its way to the disk the next one gathers.
/// For the event-loop thread.
class SettlementWriter {
 public:
  /// `ended` is called after each commit, durable or undone: events may have become ready.
  SettlementWriter(TaskGroup& tasks, Lane& lane, QueueState& state, const QueueDefinition& definition,
                   const BrokerClock& clock, std::function<void(const Settlement&, bool written)> ended)
      : tasks_(tasks), lane_(lane), state_(state), definition_(definition), clock_(clock), ended_(std::move(ended)) {}

  /// Returns when everything decided so far is durable. Throws `Unavailable` when it could not be written; then the
  /// decisions of this commit are undone.
  asio::awaitable<void> durable();
  /// Starts writing without waiting. `always`: even when nothing but the lane has changed.
  void write(bool always = false);
  /// Nothing is begun any more.
  void close() { closed_ = true; }

  /// After a failed write nothing is retried in the background before.
  Timestamp rest_until() const { return rest_until_; }
  bool resting() const { return rest_until_ > clock_(); }

 private:
  asio::awaitable<void> drain(std::shared_ptr<Lane> alive, bool always);
  asio::awaitable<std::exception_ptr> store(Settlement& settlement);

  TaskGroup& tasks_;
  Lane& lane_;
  QueueState& state_;
  const QueueDefinition& definition_;
  const BrokerClock& clock_;
  std::function<void(const Settlement&, bool)> ended_;
  std::vector<Completion<bool>> waiting_;
  Timestamp rest_until_{};
  bool writing_ = false;
  bool closed_ = false;
};

}  // namespace eventbus::delivery
