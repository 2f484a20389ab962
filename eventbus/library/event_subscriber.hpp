#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "eventbus/core/error.hpp"
#include "eventbus/core/event.hpp"
#include "eventbus/core/retry_policy.hpp"

namespace eventbus {

namespace asio = boost::asio;

class RabbitMQConnectionManager;

/// An event as a handler gets it.
struct ReceivedEvent {
  Event event;
  std::string queue;
  std::uint32_t attempt = 1;  ///< From 1; counts failed ones of any consumer.
  bool redelivered = false;   ///< Somebody may have handled it already, without saying so.
};

/// Thrown by a handler for an event that no repetition will help: it goes straight to the dead letters with this
/// reason.
class RejectEvent : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct SubscriberOptions {
  std::uint16_t prefetch = 100;  ///< Events that are here at a time, waiting ones included; from 1.
  unsigned threads = 4;          ///< On which handlers run; from 1.
  RetryPolicy retry{};           ///< After a handler has failed.
};

/// Consumes queues of RabbitMQ and hands each event to every handler whose pattern matches its type, in the order in
/// which they were registered. An event is acknowledged when all have returned. When one throws, the event waits in a
/// delay queue and comes again, to all of them; after `retry.max_retries` it rests in "<queue>.dlq" with the reason,
/// where the service's dead-letter commands find it; so does one that no handler is registered for (`no_handler`).
/// Delivery is at least once: make handlers idempotent, see `Deduplicator`. Events of one ordering key are handled one
/// after the other, others at the same time; a retry comes behind what was queued meanwhile. Queues that the service
/// declared as `ordered` are for its own consumers.
/// All members may be called from any thread, but not from handlers.
class EventSubscriber {
 public:
  using Handler = std::function<void(const ReceivedEvent&)>;
  /// Runs on the subscriber's threads; what it awaits must resume there, as Asio's operations do.
  using AsyncHandler = std::function<asio::awaitable<void>(const ReceivedEvent&)>;

  explicit EventSubscriber(RabbitMQConnectionManager& connections, SubscriberOptions options = {});
  /// As `stop_consuming`.
  ~EventSubscriber();
  EventSubscriber(const EventSubscriber&) = delete;
  EventSubscriber& operator=(const EventSubscriber&) = delete;

  /// `event_type` is a type or a topic pattern (`user.*`, `#`). Before `start_consuming`. `invalid` for anything else.
  Result<void> register_handler(std::string event_type, Handler handler);
  Result<void> register_async_handler(std::string event_type, AsyncHandler handler);

  /// Makes a durable quorum queue with its dead letters and binds it. For programs that use RabbitMQ alone: a queue
  /// that the service shall know is declared over HTTP (`EventBusClient::declare_queue`).
  Result<void> declare_queue(std::string queue, std::vector<std::string> routing_keys, std::string exchange = "events");
  asio::awaitable<Result<void>> async_declare_queue(std::string queue, std::vector<std::string> routing_keys,
                                                    std::string exchange = "events");

  /// Begins to consume and returns; goes on through lost connections until it is stopped. `not_found` where there is no
  /// such queue; `conflict` when it is consumed here already; the error by which consuming ended by itself until
  /// `stop_consuming` was called. Several queues may be consumed at a time.
  Result<void> start_consuming(std::string queue);
  asio::awaitable<Result<void>> async_start_consuming(std::string queue);
  /// Returns when nothing is consumed any more: after `stop_consuming`, or with the error by which consuming ended by
  /// itself. A lost connection is none: consuming goes on.
  Result<void> wait();
  asio::awaitable<Result<void>> async_wait();
  /// Blocks until the running handlers have returned and their events are settled. Waiting events go back to the queue.
  void stop_consuming();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace eventbus
