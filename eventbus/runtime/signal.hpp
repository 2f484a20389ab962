#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <list>

namespace eventbus {

namespace asio = boost::asio;

/// Wakes coroutines that wait for something to happen. For one event loop: all members on its thread. Waiters wake in
/// the order they came; a wake-up without a waiter is forgotten, so check the condition before waiting.
class Signal {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  explicit Signal(asio::any_io_executor executor) : executor_(std::move(executor)) {}
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  /// True when notified, false at the deadline.
  asio::awaitable<bool> wait_until(Deadline deadline);
  asio::awaitable<void> wait();

  void notify_one();
  void notify_all();
  std::size_t waiting() const { return waiters_.size(); }

 private:
  asio::any_io_executor executor_;
  std::list<asio::steady_timer*> waiters_;
};

}  // namespace eventbus
