#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "eventbus/amqp/connection.hpp"
#include "eventbus/amqp/testing/test_server.hpp"
#include "eventbus/testing/waiting.hpp"

namespace eventbus::amqp {

/// For tests: a virtual host of its own on a server, and a loop that runs while something is waited for.
class TestBench {
 public:
  using Batch = std::vector<ReceivedMessage>;

  explicit TestBench(TestServer& test_server) : server(test_server), virtual_host(test_server.create_virtual_host()) {}

  static Deadline soon() { return std::chrono::steady_clock::now() + std::chrono::seconds{60}; }

  ConnectionSettings settings(const std::string& query = "") const {
    return {.url = AmqpUrl::parse(server.url(virtual_host, query)).value(),
            .name = "test",
            .reconnect = {.delay = std::chrono::milliseconds{50}, .max_delay = std::chrono::milliseconds{500}}};
  }

  template <class T>
  T run(asio::awaitable<T> work) {
    const auto guard = asio::make_work_guard(loop);  // connections' threads bring the work
    return result_of(loop, asio::co_spawn(loop, std::move(work), asio::use_future), "an operation on RabbitMQ");
  }

  /// Runs the loop until the condition holds; false when it never does.
  bool run_until(const std::function<bool()>& condition) {
    const auto guard = asio::make_work_guard(loop);
    const auto deadline = soon();
    loop.restart();
    while (!condition() && std::chrono::steady_clock::now() < deadline)
      loop.run_one_for(std::chrono::milliseconds{100});
    return condition();
  }

  TestServer& server;
  std::string virtual_host;
  asio::io_context loop;
};

/// Persistent messages to the default exchange, which routes to the queue named; their bodies are `first`, `first` + 1,
/// …
inline std::vector<Message> numbered(const std::string& queue, int first, int count) {
  std::vector<Message> messages(static_cast<std::size_t>(count));
  for (auto& message : messages) {
    message.routing_key = queue;
    message.body = std::to_string(first++);
  }
  return messages;
}

/// A consumer's handler that notes what it is told.
struct Listener {
  std::vector<ReceivedMessage> messages;
  int lost = 0;
  std::vector<std::string> troubles;

  ConsumerHandler handler() {
    return {.on_messages =
                [this](std::vector<ReceivedMessage> batch) {
                  for (auto& message : batch) messages.push_back(std::move(message));
                },
            .on_lost = [this] { ++lost; },
            .on_trouble = [this](std::string text) { troubles.push_back(std::move(text)); }};
  }
};

}  // namespace eventbus::amqp
