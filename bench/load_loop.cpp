#include "load_loop.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <stdexcept>

namespace bench {

struct LoadLoop::Connection {
  std::size_t index = 0;
  int socket = -1;
  std::string out;
  std::size_t written = 0;
  std::string in;
  bool resting = false;
  bool finished = false;
  bool watching_writes = false;
  Clock::time_point began;
};

namespace {

int connect_to(const std::string& host, std::uint16_t port) {
  int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) throw std::runtime_error("no more sockets");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  inet_pton(AF_INET, host.c_str(), &address.sin_addr);
  if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error(fmt::format("cannot connect to {}:{}", host, port));
  }
  int on = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return socket;
}

std::size_t content_length(std::string_view head) {
  for (std::string_view name : {"\r\nContent-Length: ", "\r\ncontent-length: "}) {
    if (auto at = head.find(name); at != std::string_view::npos) {
      std::size_t length = 0;
      std::from_chars(head.data() + at + name.size(), head.data() + head.size(), length);
      return length;
    }
  }
  throw std::runtime_error(fmt::format("an answer without Content-Length: {}", head));
}

}  // namespace

LoadLoop::LoadLoop(const std::string& host, std::uint16_t port, std::size_t connections, Workload& workload)
    : workload_(workload), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  for (std::size_t index = 0; index < connections; ++index) {
    auto connection = std::make_unique<Connection>();
    connection->index = index;
    connection->socket = connect_to(host, port);
    epoll_event event{.events = EPOLLIN, .data = {.u64 = index}};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, connection->socket, &event);
    connections_.push_back(std::move(connection));
  }
}

LoadLoop::~LoadLoop() {
  for (auto& connection : connections_) close(connection->socket);
  close(epoll_);
}

void LoadLoop::run() {
  for (std::size_t index = 0; index < connections_.size(); ++index) proceed(index);
  std::array<epoll_event, 256> events{};
  while (finished_ < connections_.size()) {
    serve_due();
    timespec timeout{.tv_sec = 0, .tv_nsec = timeout_us() * 1000L};
    int count = epoll_pwait2(epoll_, events.data(), events.size(), &timeout, nullptr);
    for (int n = 0; n < count; ++n) {
      auto index = static_cast<std::size_t>(events[static_cast<std::size_t>(n)].data.u64);
      if ((events[static_cast<std::size_t>(n)].events & EPOLLOUT) != 0) flush(*connections_[index]);
      if ((events[static_cast<std::size_t>(n)].events & ~EPOLLOUT) != 0) receive(index);
    }
  }
}

void LoadLoop::serve_due() {
  for (auto count = woken_.size(); count > 0; --count) {
    auto index = woken_.front();
    woken_.pop_front();
    if (connections_[index]->resting) proceed(index);
  }
  while (!waiting_.empty() && waiting_.begin()->first <= Clock::now()) {
    auto index = waiting_.begin()->second;
    waiting_.erase(waiting_.begin());
    proceed(index);
  }
}

int LoadLoop::timeout_us() const {
  if (!woken_.empty()) return 0;
  if (waiting_.empty()) return 100'000;
  auto left = waiting_.begin()->first - Clock::now();
  return static_cast<int>(std::clamp<std::int64_t>(left / std::chrono::microseconds{1}, 0, 100'000));
}

void LoadLoop::proceed(std::size_t index) {
  auto& connection = *connections_[index];
  connection.resting = false;
  connection.out.clear();
  connection.written = 0;
  auto next = workload_.next(index, connection.out);
  switch (next.kind) {
    case Next::Kind::send:
      connection.began = Clock::now();
      flush(connection);
      break;
    case Next::Kind::wait_until:
      waiting_.emplace(next.time, index);
      break;
    case Next::Kind::rest:
      connection.resting = true;
      break;
    case Next::Kind::finished:
      connection.finished = true;
      ++finished_;
      break;
  }
}

void LoadLoop::flush(Connection& connection) {
  while (connection.written < connection.out.size()) {
    auto sent = ::send(connection.socket, connection.out.data() + connection.written,
                       connection.out.size() - connection.written, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EAGAIN) break;
    if (sent < 0) throw std::runtime_error("a connection broke while sending");
    connection.written += static_cast<std::size_t>(sent);
  }
  bool watch = connection.written < connection.out.size();
  if (watch == connection.watching_writes) return;
  connection.watching_writes = watch;
  epoll_event event{.events = watch ? EPOLLIN | EPOLLOUT : std::uint32_t{EPOLLIN}, .data = {.u64 = connection.index}};
  epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.socket, &event);
}

void LoadLoop::receive(std::size_t index) {
  auto& connection = *connections_[index];
  std::array<char, 65536> buffer{};
  auto size = ::recv(connection.socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (size < 0 && errno == EAGAIN) return;
  if (size <= 0) {
    if (connection.finished) return;
    throw std::runtime_error("the server closed a connection");
  }
  connection.in.append(buffer.data(), static_cast<std::size_t>(size));
  while (parse(index)) {
  }
}

bool LoadLoop::parse(std::size_t index) {
  auto& connection = *connections_[index];
  auto end = connection.in.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  std::string_view head(connection.in.data(), end + 2);
  int status = 0;
  std::from_chars(head.data() + 9, head.data() + 12, status);
  auto total = end + 4 + content_length(head);
  if (connection.in.size() < total) return false;
  workload_.answered(index, {status, std::string_view(connection.in).substr(end + 4, total - end - 4)},
                     Clock::now() - connection.began);
  connection.in.erase(0, total);
  proceed(index);
  return true;
}

void append_post(std::string& out, std::string_view path, std::string_view type, std::string_view body) {
  fmt::format_to(std::back_inserter(out),
                 "POST {} HTTP/1.1\r\nHost: bench\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n", path, type,
                 body.size());
  out += body;
}

}  // namespace bench
