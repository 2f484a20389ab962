#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/json/object.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "eventbus/bus/bus.hpp"
#include "eventbus/http/server.hpp"
#include "eventbus/http/test_broker.hpp"
#include "eventbus/runtime/task_group.hpp"

namespace eventbus {

/// For tests: the mode while the object lives.
class MemoryModeStore final : public ModeStore {
 public:
  asio::awaitable<bool> read_only() override { co_return read_only_; }
  asio::awaitable<void> set_read_only(bool read_only) override {
    read_only_ = read_only;
    co_return;
  }

 private:
  bool read_only_ = false;
};

/// For tests: the HTTP server over the in-memory store and broker, on a free port, its loop on a thread of its own.
class TestService {
 public:
  explicit TestService(HttpSettings settings = {});
  ~TestService();
  TestService(const TestService&) = delete;
  TestService& operator=(const TestService&) = delete;

  std::uint16_t port() const { return port_; }
  /// Begins to drain. Returns at once; `wait` returns when the last connection is closed.
  void stop(std::chrono::milliseconds drain);
  void wait();
  /// Runs `task` on the loop's thread and waits for it.
  void on_loop(const std::function<void()>& task);
  void set_ready(bool ready);
  TestBroker& broker() { return broker_; }
  DependencyGuard& guard() { return guard_; }
  /// From now on the store can't append, and says when to try again.
  void fail_appends(std::chrono::seconds retry_after);
  /// Events in the largest request that the store was given so far.
  std::size_t largest_append();

 private:
  asio::awaitable<void> serve();

  asio::io_context loop_;
  std::unique_ptr<EventStore> store_;
  TestBroker broker_;
  EventFeed feed_;
  MetricRegistry metrics_;
  Publisher publisher_;
  MemoryModeStore mode_store_;
  ModeKeeper modes_;
  DependencyGuard guard_{"postgres"};
  Bus bus_;
  bool ready_ = true;
  HttpServer server_;
  TaskGroup tasks_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

/// An answer, read to its end.
struct TestAnswer {
  int status = 0;
  std::map<std::string, std::string> headers;  ///< Names in lower case.
  std::string body;
};

/// The JSON object that the answer is.
boost::json::object body_of(const TestAnswer& answer);

/// For tests: one connection that sends bytes as they are. Every read gives up after ten seconds.
class TestConnection {
 public:
  explicit TestConnection(std::uint16_t port);
  ~TestConnection();
  TestConnection(TestConnection&& other) noexcept
      : socket_(std::exchange(other.socket_, -1)), input_(std::move(other.input_)) {}
  TestConnection& operator=(TestConnection&&) = delete;

  TestConnection& send(std::string_view bytes);
  /// The next answer; status 0 when the connection ended instead.
  TestAnswer answer(bool to_head = false);
  TestAnswer request(std::string_view method, std::string_view target, std::string_view body = {},
                     std::string_view headers = {});
  /// Bytes up to and including `mark`; what came before the end of the connection otherwise.
  std::string read_until(std::string_view mark);
  /// The other side closes without sending more.
  bool closed();
  /// Closes with a reset.
  void reset();
  /// Sends nothing more, still reads.
  void finish_sending();
  void shrink_receive_buffer();

 private:
  bool more();
  std::string take(std::size_t bytes);
  std::string read_chunks();

  int socket_;
  std::string input_;
};

/// A complete HTTP/1.1 request with Content-Length where there is a body.
std::string request_text(std::string_view method, std::string_view target, std::string_view body = {},
                         std::string_view headers = {});

}  // namespace eventbus
