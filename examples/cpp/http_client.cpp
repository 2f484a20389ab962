// Publishes an event to a running service, reads it back, consumes it from a queue and acknowledges it. Everything is
// awaited on one event loop; the same calls without the prefix async_ block instead.
//
//   http_client http://localhost:8000
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <eventbus/eventbus.hpp>
#include <iostream>
#include <stdexcept>
#include <string>

namespace {

/// The value, or an exception with what the service said.
template <class T>
T expect(eventbus::Result<T> result) {
  if (!result) throw std::runtime_error(result.error().detail);
  return std::move(*result);
}

boost::asio::awaitable<void> journey(eventbus::EventBusClient& bus) {
  eventbus::QueueDefinition queue;
  queue.name = "example";
  queue.bindings = {{.exchange = "events", .routing_key = "user.*"}};
  expect(co_await bus.async_declare_queue(queue));

  const auto event =
      expect(eventbus::make_event({.event_type = "user.created", .payload = R"({"user_id":1})", .ordering_key = "1"}));
  std::cout << (expect(co_await bus.async_publish(event)) ? "stored\n" : "was there\n");
  std::cout << (expect(co_await bus.async_publish(event)) ? "stored\n" : "was there\n");
  const auto found = expect(co_await bus.async_get_event(event.event_id));
  std::cout << "found " << found.value().event->payload << '\n';

  auto deliveries = expect(co_await bus.async_receive("example"));
  while (!deliveries.empty()) {
    std::vector<std::string> ids;
    for (const auto& delivery : deliveries) {
      std::cout << "received " << delivery.event.event->event_type << ", attempt " << delivery.attempt << '\n';
      ids.push_back(delivery.delivery_id);
    }
    const auto settled = expect(co_await bus.async_ack("example", ids));
    std::cout << "acknowledged " << settled.done << '\n';
    deliveries = expect(co_await bus.async_receive("example", 100, std::chrono::milliseconds{0}));
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::cerr << "usage: http_client <URL>\n";
    return 2;
  }
  eventbus::EventBusClient bus(arguments[1]);
  boost::asio::io_context loop;
  auto done = boost::asio::co_spawn(loop, journey(bus), boost::asio::use_future);
  loop.run();
  try {
    done.get();
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
