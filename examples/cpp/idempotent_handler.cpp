// Handles each event once, although it is delivered at least once: the payment that an event asks for and the note that
// the event was handled are one transaction, in PostgreSQL or in an SQLite file. Ends after the given number of
// deliveries.
//
//   idempotent_handler amqp://guest:guest@localhost/ payments postgresql://user@localhost/events 'payment.#' 10
//   idempotent_handler amqp://guest:guest@localhost/ payments payments.db 'payment.#' 10
#include <condition_variable>
#include <eventbus/eventbus.hpp>
#include <iostream>
#include <mutex>
#include <stdexcept>
#include <string>

namespace {

using Transaction = eventbus::Deduplicator::Transaction;

/// An error becomes a failed attempt: the event comes again.
template <class T>
T expect(eventbus::Result<T> result) {
  if (!result) throw std::runtime_error(result.error().detail);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace

int main(int count, char** arguments) try {
  if (count != 6) {
    std::cerr << "usage: idempotent_handler <amqp URL> <queue> <postgresql URL or file> <pattern> <deliveries>\n";
    return 2;
  }
  const std::string queue = arguments[2];
  const std::string pattern = arguments[4];
  const int wanted = std::stoi(arguments[5]);
  eventbus::Deduplicator handled(arguments[3], queue);
  expect(handled.once("table payments", [](Transaction& sql) {
    expect(sql.execute("CREATE TABLE IF NOT EXISTS payments (payment TEXT NOT NULL, order_data TEXT NOT NULL)"));
  }));
  eventbus::RabbitMQConnectionManager connections(arguments[1]);
  expect(connections.connect());

  std::mutex mutex;
  std::condition_variable changed;
  int deliveries = 0;
  eventbus::EventSubscriber subscriber(connections);
  expect(subscriber.declare_queue(queue, {pattern}));
  expect(subscriber.register_handler(pattern, [&](const eventbus::ReceivedEvent& received) {
    const auto& event = received.event;
    const bool now = expect(handled.once(event.event_id, [&](Transaction& sql) {
      expect(sql.execute("INSERT INTO payments VALUES ($1, $2)", {event.event_id, event.payload}));
    }));
    const std::lock_guard lock(mutex);
    std::cout << (now ? "handled " : "again ") << event.event_id << std::endl;
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
