/// Many clients of GET /events/stream that read and forget.
///   stream_readers PORT COUNT [EVENT_TYPE]   prints "following" once all of them follow, and the bytes they read when
///                                            it is asked to end
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace {

volatile std::sig_atomic_t ended = 0;

int checked(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

void allow_many_files() {
  rlimit limit{};
  checked(getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
  limit.rlim_cur = limit.rlim_max;
  checked(setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
}

int follow(std::uint16_t port, const std::string& request) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int reader = checked(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  checked(connect(reader, reinterpret_cast<const sockaddr*>(&address), sizeof address), "connect");
  if (write(reader, request.data(), request.size()) != static_cast<ssize_t>(request.size()))
    throw std::runtime_error("a request could not be sent");
  return reader;
}

std::string_view read_some(int reader) {
  static std::array<char, 65536> buffer;
  const auto got = read(reader, buffer.data(), buffer.size());
  if (got <= 0) throw std::runtime_error("a stream ended");
  return {buffer.data(), static_cast<std::size_t>(got)};
}

void run(std::uint16_t port, std::size_t count, const std::string& type) {
  allow_many_files();
  const auto filter = type.empty() ? type : "?event_type=" + type;
  const auto request = fmt::format("GET /events/stream{} HTTP/1.1\r\nHost: bench\r\n\r\n", filter);
  const int epoll = checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  for (std::size_t n = 0; n < count; ++n) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = follow(port, request)}};
    if (!read_some(event.data.fd).starts_with("HTTP/1.1 200")) throw std::runtime_error("the stream was refused");
    checked(epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event), "epoll_ctl");
  }
  fmt::print("following\n");
  std::fflush(stdout);
  std::uint64_t bytes = 0;
  std::vector<epoll_event> events(512);
  while (ended == 0) {
    const int ready = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 1000);
    if (ready < 0 && errno != EINTR) checked(ready, "epoll_wait");
    for (int n = 0; n < ready; ++n) bytes += read_some(events[static_cast<std::size_t>(n)].data.fd).size();
  }
  fmt::print("{}\n", bytes);
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGTERM, [](int) { ended = 1; });
  try {
    if (argc < 3) throw std::runtime_error("usage: stream_readers PORT COUNT [EVENT_TYPE]");
    run(static_cast<std::uint16_t>(std::atoi(argv[1])), std::strtoul(argv[2], nullptr, 10), argc > 3 ? argv[3] : "");
    return 0;
  } catch (const std::exception& problem) {
    fmt::print(stderr, "stream_readers: {}\n", problem.what());
    return 1;
  }
}
