#include "eventbus/postgres/socket.hpp"

#include <fcntl.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>

#include "eventbus/core/error.hpp"

namespace eventbus::postgres {
namespace {

int duplicate(int descriptor) {
  const int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) throw Unavailable("waiting for PostgreSQL", std::strerror(errno));
  return copy;
}

}  // namespace

struct Socket::State : std::enable_shared_from_this<Socket::State> {
  State(asio::any_io_executor executor, int copy) : descriptor(executor, copy), timer(executor) {}

  void watch(asio::posix::stream_descriptor::wait_type type) {
    descriptor.async_wait(type, [self = shared_from_this(), wait = waits](const boost::system::error_code& error) {
      if (error == asio::error::operation_aborted || wait != self->waits) return;
      self->ready = true;  // An error too: libpq will find it.
      self->timer.cancel();
    });
  }

  asio::posix::stream_descriptor descriptor;
  asio::steady_timer timer;
  std::uint64_t waits = 0;
  bool ready = false;
};

Socket::Socket(asio::any_io_executor executor, int descriptor)
    : state_(std::make_shared<State>(std::move(executor), duplicate(descriptor))) {}

Socket::~Socket() {
  boost::system::error_code ignored;
  state_->descriptor.close(ignored);
  state_->timer.cancel();
}

asio::awaitable<bool> Socket::wait(Direction direction, Deadline deadline) {
  const auto state = state_;
  ++state->waits;
  state->ready = false;
  state->timer.expires_at(deadline);
  if (direction != Direction::write) state->watch(asio::posix::stream_descriptor::wait_read);
  if (direction != Direction::read) state->watch(asio::posix::stream_descriptor::wait_write);
  const asio::cancellation_slot none;  // who gave up waiting must not look like a server that doesn't answer
  co_await state->timer.async_wait(asio::bind_cancellation_slot(none, asio::as_tuple(asio::use_awaitable)));
  ++state->waits;
  boost::system::error_code ignored;
  if (!state->ready || direction == Direction::either) state->descriptor.cancel(ignored);
  co_return state->ready;
}

void Socket::end_wait() {
  state_->timer.cancel();
}

}  // namespace eventbus::postgres
