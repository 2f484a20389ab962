// Handles each event once, although it is delivered at least once: what was handled is remembered in PostgreSQL, across
// restarts and for all instances of this program. Ends after the given number of deliveries.
//
//   idempotent_handler amqp://guest:guest@localhost/ payments postgresql://user@localhost/events 10
#include <condition_variable>
#include <eventbus/eventbus.hpp>
#include <iostream>
#include <mutex>
#include <stdexcept>
#include <string>

namespace {

/// An error becomes a failed attempt: the event comes again.
template <class T>
T expect(eventbus::Result<T> result) {
  if (!result) throw std::runtime_error(result.error().detail);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace

int main(int count, char** arguments) try {
  if (count != 5) {
    std::cerr << "usage: idempotent_handler <amqp URL> <queue> <postgresql URL> <deliveries>\n";
    return 2;
  }
  const std::string queue = arguments[2];
  const int wanted = std::stoi(arguments[4]);
  eventbus::DurableDeduplicator handled(arguments[3], queue);
  expect(handled.initialize_schema());
  eventbus::RabbitMQConnectionManager connections(arguments[1]);
  expect(connections.connect());

  std::mutex mutex;
  std::condition_variable changed;
  int deliveries = 0;
  eventbus::EventSubscriber subscriber(connections);
  expect(subscriber.declare_queue(queue, {"payment.#"}));
  expect(subscriber.register_handler("payment.#", [&](const eventbus::ReceivedEvent& received) {
    const auto& id = received.event.event_id;
    const bool again = expect(handled.contains(id));
    if (!again) {
      // Here the payment is made. A crash before the next line repeats it: what must never be repeated is written
      // in its own transaction, with the event id as its key.
      expect(handled.remember(id));
    }
    const std::lock_guard lock(mutex);
    std::cout << (again ? "again " : "handled ") << id << std::endl;
    ++deliveries;
    changed.notify_all();
  }));
  expect(subscriber.start_consuming(queue));
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return deliveries >= wanted; });
  }
  subscriber.stop_consuming();
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
