#include "eventbus/runtime/signal.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace eventbus {

asio::awaitable<bool> Signal::wait_until(Deadline deadline) {
  asio::steady_timer timer(executor_, deadline);
  const auto place = waiters_.insert(waiters_.end(), &timer);
  bool notified = false;
  try {
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    notified = *place == nullptr;
  } catch (...) {
    waiters_.erase(place);
    throw;
  }
  waiters_.erase(place);
  co_return notified;
}

asio::awaitable<void> Signal::wait() {
  co_await wait_until(Deadline::max());
}

void Signal::notify_one() {
  for (auto*& waiter : waiters_) {
    if (waiter == nullptr) continue;
    waiter->cancel();
    waiter = nullptr;
    return;
  }
}

void Signal::notify_all() {
  for (auto*& waiter : waiters_) {
    if (waiter == nullptr) continue;
    waiter->cancel();
    waiter = nullptr;
  }
}

}  // namespace eventbus
