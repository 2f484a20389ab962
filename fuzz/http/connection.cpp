#include "connection.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <stdexcept>

namespace fuzz {
namespace {

constexpr std::size_t longest_body = 4U << 20U;

bool contains_ci(std::string_view head, std::string_view lower) {
  std::string folded;
  for (char c : head) folded += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return folded.find(lower) != std::string::npos;
}

std::optional<std::size_t> content_length(std::string_view head) {
  for (std::string_view name : {"\r\nContent-Length: ", "\r\ncontent-length: "}) {
    if (auto at = head.find(name); at != std::string_view::npos)
      return std::strtoul(head.data() + at + name.size(), nullptr, 10);
  }
  return std::nullopt;
}

}  // namespace

void Connection::open() {
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket_ < 0) throw std::runtime_error("no more sockets");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port_);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error("nobody listens any more: the service is gone");
  }
  int on = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  timeval patience{.tv_sec = 2, .tv_usec = 0};
  setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

bool Connection::send(std::string_view bytes) {
  if (socket_ < 0) open();
  while (!bytes.empty()) {
    auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void Connection::finish_sending() {
  if (socket_ >= 0) shutdown(socket_, SHUT_WR);
}

void Connection::close() {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
  in_.clear();
}

bool Connection::more() {
  std::array<char, 65536> buffer{};
  auto size = socket_ < 0 ? -1 : ::recv(socket_, buffer.data(), buffer.size(), 0);
  if (size <= 0) return false;
  in_.append(buffer.data(), static_cast<std::size_t>(size));
  return true;
}

std::optional<std::string> Connection::until(std::string_view mark) {
  auto at = in_.find(mark);
  for (; at == std::string::npos; at = in_.find(mark)) {
    if (!more()) return std::nullopt;
  }
  auto text = in_.substr(0, at);
  in_.erase(0, at + mark.size());
  return text;
}

std::optional<std::string> Connection::exactly(std::size_t size) {
  while (in_.size() < size) {
    if (!more()) return std::nullopt;
  }
  auto text = in_.substr(0, size);
  in_.erase(0, size);
  return text;
}

bool Connection::read_body(Answer& answer, std::string_view head) {
  if (auto length = content_length(head)) {
    if (*length > longest_body) return false;
    auto body = exactly(*length);
    answer.body = body.value_or("");
    return body.has_value();
  }
  if (!contains_ci(head, "transfer-encoding: chunked")) return false;
  while (true) {
    auto line = until("\r\n");
    if (!line) return false;
    auto chunk = exactly(std::strtoul(line->c_str(), nullptr, 16));
    if (!chunk || !until("\r\n")) return false;
    if (chunk->empty()) return true;
    answer.body += *chunk;
    if (answer.body.size() > longest_body) return false;
  }
}

std::optional<Connection::Answer> Connection::receive(bool head_only) {
  while (true) {
    auto head = until("\r\n\r\n");
    if (!head) return std::nullopt;
    if (!head->starts_with("HTTP/1.1 "))
      throw std::runtime_error(fmt::format("no HTTP answer: {:?}", head->substr(0, 200)));
    *head += "\r\n";
    Answer answer;
    answer.status = std::atoi(head->c_str() + 9);
    if (answer.status < 200) continue;
    answer.last = contains_ci(*head, "\r\nconnection: close") || contains_ci(*head, "text/event-stream");
    bool bodiless = head_only || answer.status == 204 || answer.status == 304;
    if (!bodiless && !contains_ci(*head, "text/event-stream") && !read_body(answer, *head)) answer.last = true;
    return answer;
  }
}

}  // namespace fuzz
