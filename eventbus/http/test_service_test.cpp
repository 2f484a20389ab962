#include "eventbus/http/test_service.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/json/parse.hpp>
#include <future>

#include "eventbus/store/conformance/memory_event_store.hpp"
#include "eventbus/testing/waiting.hpp"

namespace eventbus {
namespace {

HttpSettings on_free_port(HttpSettings settings) {
  settings.port = 0;
  return settings;
}

}  // namespace

boost::json::object body_of(const TestAnswer& answer) {
  return boost::json::parse(answer.body).as_object();
}

TestService::TestService(HttpSettings settings)
    : store_(std::make_unique<MemoryEventStore>()),
      broker_(loop_.get_executor()),
      feed_(loop_.get_executor(), *store_),
      publisher_(loop_.get_executor(), *store_, broker_,
                 [this](std::span<const StoredEvent> events) {
                   broker_.take(events);
                   feed_.take(events);
                 },
                 metrics_, {}),
      modes_(loop_.get_executor(), mode_store_, publisher_),
      bus_{publisher_, modes_, feed_, *store_, broker_, nullptr, {&guard_}},
      server_(loop_, bus_, metrics_, on_free_port(std::move(settings)),
              [this] { return Readiness{ready_, {{"broker", "embedded"}, {"store", "memory"}}}; }),
      tasks_(loop_.get_executor()) {
  server_.listen();
  port_ = server_.port();
  tasks_.spawn("publisher", publisher_.run());
  tasks_.spawn("http", serve());
  thread_ = std::thread([this] { loop_.run(); });
}

TestService::~TestService() {
  stop(std::chrono::milliseconds(0));
  wait();
}

asio::awaitable<void> TestService::serve() {
  co_await server_.run();
  publisher_.stop();
  broker_.stop();
}

void TestService::stop(std::chrono::milliseconds drain) {
  asio::post(loop_, [this, drain] { server_.stop(std::chrono::steady_clock::now() + drain); });
}

void TestService::wait() {
  if (thread_.joinable()) thread_.join();
}

void TestService::fail_appends(std::chrono::seconds retry_after) {
  on_loop([&] {
    dynamic_cast<MemoryEventStore&>(*store_).fail_appends(Unavailable("storing events", "disk full", retry_after));
  });
}

std::size_t TestService::largest_append() {
  std::size_t events = 0;
  on_loop([&] { events = dynamic_cast<MemoryEventStore&>(*store_).largest_request(); });
  return events;
}

void TestService::on_loop(const std::function<void()>& task) {
  std::promise<void> done;
  asio::post(loop_, [&] {
    task();
    done.set_value();
  });
  if (done.get_future().wait_for(test_patience) != std::future_status::ready) std::abort();  // `done` lives here
}

void TestService::set_ready(bool ready) {
  on_loop([this, ready] { ready_ = ready; });
}

TestConnection::TestConnection(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const timeval timeout{.tv_sec = 10, .tv_usec = 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw Unavailable("connect to the test server", "refused");
  }
}

TestConnection::~TestConnection() {
  if (socket_ >= 0) ::close(socket_);
}

TestConnection& TestConnection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) break;  // the server may have closed already; its answer says so
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return *this;
}

bool TestConnection::more() {
  std::string buffer(65536, '\0');
  const auto received = ::recv(socket_, buffer.data(), buffer.size(), 0);
  if (received > 0) input_.append(buffer, 0, static_cast<std::size_t>(received));
  return received > 0;
}

std::string TestConnection::read_until(std::string_view mark) {
  while (input_.find(mark) == std::string::npos) {
    if (!more()) return std::exchange(input_, {});
  }
  return take(input_.find(mark) + mark.size());
}

std::string TestConnection::take(std::size_t bytes) {
  while (input_.size() < bytes && more()) {
  }
  auto taken = input_.substr(0, bytes);
  input_.erase(0, bytes);
  return taken;
}

std::string TestConnection::read_chunks() {
  std::string body;
  for (;;) {
    const auto line = read_until("\r\n");
    const auto size = line.empty() ? 0 : std::stoul(line, nullptr, 16);
    body += take(size);
    if (take(2).empty() || size == 0) return body;
  }
}

TestAnswer TestConnection::answer(bool to_head) {
  TestAnswer answer;
  const auto head = read_until("\r\n\r\n");
  if (!head.starts_with("HTTP/1.1 ")) return answer;
  answer.status = std::stoi(head.substr(9, 3));
  for (auto begin = head.find("\r\n") + 2; head.substr(begin) != "\r\n";) {
    const auto end = head.find("\r\n", begin);
    auto name = head.substr(begin, head.find(": ", begin) - begin);
    for (auto& c : name) c = static_cast<char>(std::tolower(c));
    answer.headers[name] = head.substr(begin + name.size() + 2, end - begin - name.size() - 2);
    begin = end + 2;
  }
  if (to_head || answer.status < 200 || answer.status == 204) return answer;
  if (answer.headers.contains("content-length")) {
    answer.body = take(std::stoul(answer.headers["content-length"]));
  } else if (answer.headers.contains("transfer-encoding")) {
    answer.body = read_chunks();
  } else {
    answer.body = read_until("\xff never in an answer");
  }
  return answer;
}

TestAnswer TestConnection::request(std::string_view method, std::string_view target, std::string_view body,
                                   std::string_view headers) {
  return send(request_text(method, target, body, headers)).answer(method == "HEAD");
}

bool TestConnection::closed() {
  return input_.empty() && !more();
}

void TestConnection::reset() {
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  ::close(std::exchange(socket_, -1));
}

void TestConnection::finish_sending() {
  ::shutdown(socket_, SHUT_WR);
}

void TestConnection::shrink_receive_buffer() {
  const int bytes = 4096;
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

std::string request_text(std::string_view method, std::string_view target, std::string_view body,
                         std::string_view headers) {
  std::string text;
  text.append(method).append(" ").append(target).append(" HTTP/1.1\r\nHost: localhost\r\n").append(headers);
  if (!body.empty() && headers.find("Content-Type") == std::string_view::npos)
    text += "Content-Type: application/json\r\n";
  if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  text.append("\r\n").append(body);
  return text;
}

}  // namespace eventbus
