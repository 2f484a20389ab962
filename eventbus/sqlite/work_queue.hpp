#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "eventbus/sqlite/connection.hpp"

namespace eventbus::sqlite {

/// One piece of blocking work and what to do when it is over.
struct QueuedWork {
  std::move_only_function<void(Connection&)> work;
  std::move_only_function<void(std::exception_ptr)> done;
};

/// A bounded hand-over to worker threads; holds memory for what waits, not for what passed. Thread-safe.
class WorkQueue {
 public:
  explicit WorkQueue(std::size_t limit) : limit_(limit) {}

  /// False when full or closed; `item` is untouched then.
  bool push(QueuedWork& item);
  /// Everything that waits; blocks until there is something, empty once closed and drained.
  std::vector<QueuedWork> pop_all();
  std::optional<QueuedWork> pop();
  void close();

 private:
  std::size_t limit_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<QueuedWork> items_;
  bool closed_ = false;
};

}  // namespace eventbus::sqlite
