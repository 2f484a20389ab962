#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

#include "eventbus/runtime/signal.hpp"

namespace eventbus {

/// A task ended with an exception: a fault of the program, since whatever was foreseen is handled where it happens. The
/// text names the task and the fault.
class TaskFailed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Owns coroutines that run beside each other on one event loop, so that nothing is detached: whoever holds the group
/// waits for all of them. What a task that ends with an exception was to do stands still from then on, so its owner
/// fails: the exception leaves the event loop's `run()`, and with it the process ends, unless the owner is told
/// otherwise. Members on the loop's thread only.
class TaskGroup {
 public:
  using OnFailure = std::function<void(const TaskFailed&)>;

  /// Failures leave the loop's `run()` as `TaskFailed`.
  explicit TaskGroup(asio::any_io_executor executor);
  /// Failures go to the owner, on the loop's thread, before `join` sees the task's end; for what must not end the
  /// process. `on_failure` is not called any more once the group is gone.
  TaskGroup(asio::any_io_executor executor, OnFailure on_failure);
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
