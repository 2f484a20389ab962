#include "eventbus/amqp/tcp_connect.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>

namespace eventbus::amqp {
namespace {

using AddressList = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

constexpr std::string_view remedy = "Check host and port of RABBITMQ_URL, and that RabbitMQ runs there";

Unavailable unreachable(const Endpoint& endpoint, std::string_view reason) {
  return {fmt::format("connecting to RabbitMQ at {}:{}", endpoint.host, endpoint.port),
          fmt::format("{}. {}", reason, remedy)};
}

int look_up(const Endpoint& endpoint, int flags, AddressList& found) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags;
  addrinfo* list = nullptr;
  const int error = getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), &hints, &list);
  if (error == 0) found.reset(list);
  return error;
}

/// Shared with the thread that looks a name up, which may end later than its connection.
struct LookUp {
  Wakeup over;
  std::mutex mutex;
  int error = 0;
  AddressList found{nullptr, freeaddrinfo};
};

AddressList resolve(const Endpoint& endpoint, Waiter& waiter, Deadline deadline) {
  AddressList addresses(nullptr, freeaddrinfo);
  if (look_up(endpoint, AI_NUMERICHOST | AI_NUMERICSERV, addresses) == 0) return addresses;
  auto shared = std::make_shared<LookUp>();
  // getaddrinfo can't be interrupted: a name service that hangs must not hold up the end of the program.
  std::thread([shared, endpoint] {
    AddressList found(nullptr, freeaddrinfo);
    const int error = look_up(endpoint, AI_NUMERICSERV | AI_ADDRCONFIG, found);
    {
      const std::scoped_lock lock(shared->mutex);
      shared->error = error;
      shared->found = std::move(found);
    }
    shared->over.raise();
  }).detach();
  const auto outcome = waiter.wait(shared->over.descriptor(), POLLIN, deadline);
  if (outcome == Waiter::Outcome::stopped) throw Stopped{};
  if (outcome == Waiter::Outcome::timed_out) throw unreachable(endpoint, "the name service does not answer");
  const std::scoped_lock lock(shared->mutex);
  if (shared->error != 0) throw unreachable(endpoint, gai_strerror(shared->error));
  return std::move(shared->found);
}

/// 0 or an errno.
int finish_connect(int socket, Waiter& waiter, Deadline deadline) {
  switch (waiter.wait(socket, POLLOUT, deadline)) {
    case Waiter::Outcome::stopped:
      throw Stopped{};
    case Waiter::Outcome::timed_out:
      return ETIMEDOUT;
    case Waiter::Outcome::commanded:
    case Waiter::Outcome::ready:
      break;
  }
  int error = 0;
  socklen_t length = sizeof error;
  return getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

int prepare(int socket) {
  const int on = 1;
  const bool done = setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
                    setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) == 0;
  return done ? 0 : errno;
}

struct Attempt {
  int socket;
  int error;
};

Attempt connect_to(const addrinfo& address, Waiter& waiter, Deadline deadline) {
  const int socket = ::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket < 0) return {.socket = -1, .error = errno};
  try {
    int error = prepare(socket);
    if (error == 0 && connect(socket, address.ai_addr, address.ai_addrlen) != 0) error = errno;
    if (error == EINPROGRESS) error = finish_connect(socket, waiter, deadline);
    if (error == 0) return {.socket = socket, .error = 0};
    close(socket);
    return {.socket = -1, .error = error};
  } catch (const Stopped&) {
    close(socket);
    throw;
  }
}

}  // namespace

int connect_tcp(const Endpoint& endpoint, Waiter& waiter, Deadline deadline) {
  const auto addresses = resolve(endpoint, waiter, deadline);
  int error = ENOENT;
  for (const auto* address = addresses.get(); address != nullptr; address = address->ai_next) {
    const auto attempt = connect_to(*address, waiter, deadline);
    if (attempt.socket >= 0) return attempt.socket;
    error = attempt.error;
  }
  throw unreachable(endpoint, error == ETIMEDOUT ? "no answer in time" : std::generic_category().message(error));
}

}  // namespace eventbus::amqp
