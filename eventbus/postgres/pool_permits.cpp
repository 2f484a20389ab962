#include "eventbus/postgres/pool_permits.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace eventbus::postgres {

/// Keeps the queue right even when a waiting coroutine is dropped.
class PoolPermits::Place {
 public:
  Place(PoolPermits& permits, Waiter& waiter) : permits_(permits), waiter_(waiter) {
    permits.waiters_.push_back(&waiter);
  }
  ~Place() {
    permits_.waiters_.remove(&waiter_);
    if (waiter_.granted && !used_) permits_.give_back();
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  bool use() { return used_ = waiter_.granted; }

 private:
  PoolPermits& permits_;
  Waiter& waiter_;
  bool used_ = false;
};

asio::awaitable<bool> PoolPermits::take(Deadline deadline) {
  if (free_ > 0) {
    --free_;
    co_return true;
  }
  Waiter waiter(executor_, deadline);
  Place place(*this, waiter);
  co_await waiter.timer.async_wait(asio::as_tuple(asio::use_awaitable));
  co_return place.use();
}

void PoolPermits::give_back() {
  if (waiters_.empty()) {
    ++free_;
    return;
  }
  auto* const first = waiters_.front();
  waiters_.pop_front();
  first->granted = true;
  first->timer.cancel();
}

}  // namespace eventbus::postgres
