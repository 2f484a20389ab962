#include "eventbus/amqp/wakeup.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "eventbus/core/error.hpp"

namespace eventbus::amqp {

Wakeup::Wakeup() : descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (descriptor_ < 0) throw Unavailable("preparing a connection to RabbitMQ", std::generic_category().message(errno));
}

Wakeup::~Wakeup() {
  close(descriptor_);
}

void Wakeup::raise() {
  // Fails only when it is raised already, 2^64 - 1 times.
  [[maybe_unused]] const auto result = eventfd_write(descriptor_, 1);
}

void Wakeup::clear() {
  eventfd_t count = 0;
  [[maybe_unused]] const auto result = eventfd_read(descriptor_, &count);  // Fails only when it is clear already.
}

void SocketInterrupt::watch(int socket) {
  const std::scoped_lock lock(mutex_);
  socket_ = socket;
  if (interrupted_ && socket >= 0) shutdown(socket, SHUT_RDWR);
}

void SocketInterrupt::interrupt() {
  const std::scoped_lock lock(mutex_);
  interrupted_ = true;
  if (socket_ >= 0) shutdown(socket_, SHUT_RDWR);
}

int poll_timeout(Deadline deadline) {
  using std::chrono::milliseconds;
  const auto now = std::chrono::steady_clock::now();
  if (deadline <= now) return 0;
  if (deadline - now >= std::chrono::minutes{1}) return 60000;
  return static_cast<int>(std::chrono::ceil<milliseconds>(deadline - now).count());
}

Waiter::Outcome Waiter::wait_once(int descriptor, short events, Deadline deadline) {
  std::array<pollfd, 3> polled{pollfd{.fd = stop_.descriptor(), .events = POLLIN, .revents = 0},
                               pollfd{.fd = commands_.descriptor(), .events = POLLIN, .revents = 0},
                               pollfd{.fd = descriptor, .events = events, .revents = 0}};
  for (;;) {
    const int ready = poll(polled.data(), polled.size(), poll_timeout(std::min(deadline, due_)));
    if (ready < 0 && errno != EINTR) throw Unavailable("waiting for RabbitMQ", std::generic_category().message(errno));
    const auto now = std::chrono::steady_clock::now();
    const auto raised = [&polled, ready](std::size_t at) { return ready > 0 && polled[at].revents != 0; };
    if (raised(0)) return Outcome::stopped;
    const bool keep_house = raised(1) || now >= due_;
    if (keep_house) due_ = housekeeping_();
    if (raised(2)) return Outcome::ready;
    if (now >= deadline) return Outcome::timed_out;
    if (keep_house) return Outcome::commanded;
  }
}

Waiter::Outcome Waiter::wait(int descriptor, short events, Deadline deadline) {
  for (;;) {
    const auto outcome = wait_once(descriptor, events, deadline);
    if (outcome != Outcome::commanded) return outcome;
  }
}

}  // namespace eventbus::amqp
