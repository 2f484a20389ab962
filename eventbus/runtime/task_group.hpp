#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <string>

#include "eventbus/runtime/signal.hpp"

namespace eventbus {

/// Owns coroutines that run beside each other on one event loop, so that nothing is detached: whoever holds the group
/// waits for all of them. A task that ends with an exception is logged with its name. Members on the loop's thread
/// only.
class TaskGroup {
 public:
  explicit TaskGroup(asio::any_io_executor executor);
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  /// Starts `task`. Pass a coroutine called with by-value parameters.
  void spawn(std::string name, asio::awaitable<void> task);
  /// Waits until every task ended; false at the deadline.
  asio::awaitable<bool> join_until(std::chrono::steady_clock::time_point deadline);
  asio::awaitable<void> join();
  std::size_t size() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace eventbus
