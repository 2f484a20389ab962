#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <list>

#include "eventbus/postgres/socket.hpp"

namespace eventbus::postgres {

/// A number of permits, given out in the order of asking. For one event loop.
class PoolPermits {
 public:
  PoolPermits(asio::any_io_executor executor, std::size_t permits) : executor_(std::move(executor)), free_(permits) {}
  PoolPermits(const PoolPermits&) = delete;
  PoolPermits& operator=(const PoolPermits&) = delete;

  /// True with a permit, false at the deadline.
  asio::awaitable<bool> take(Deadline deadline);
  void give_back();
  std::size_t waiting() const { return waiters_.size(); }

 private:
  struct Waiter {
    Waiter(const asio::any_io_executor& executor, Deadline deadline) : timer(executor, deadline) {}
    asio::steady_timer timer;
    bool granted = false;
  };
  class Place;

  asio::any_io_executor executor_;
  std::size_t free_;
  std::list<Waiter*> waiters_;  ///< Those not granted yet.
};

}  // namespace eventbus::postgres
