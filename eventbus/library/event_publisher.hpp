#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>
#include <vector>

#include "eventbus/core/error.hpp"
#include "eventbus/core/event.hpp"

namespace eventbus {

namespace asio = boost::asio;

class RabbitMQConnectionManager;

/// Publishes events to RabbitMQ, each confirmed by the server before the call returns: then it is in every queue that
/// it was routed to, on disk where queue and message are durable. Such events are not in the event store, unless the
/// service takes them in (EVENTBUS_INGEST_QUEUE); to store and deliver, use `EventBusClient` or an event store. All
/// members may be called from any thread, many at a time; concurrent calls share one channel and its confirms. None
/// throws.
class EventPublisher {
 public:
  explicit EventPublisher(RabbitMQConnectionManager& connections) : connections_(connections) {}

  /// True: confirmed, at least one queue has it. False: confirmed, but no queue is bound for it, so that nobody has it.
  /// Where they are empty, `exchange` and `routing_key` are those of the event. The exchange is a topic exchange and
  /// made when it is missing. A `persistent` message survives a restart of the server.
  /// Errors: those of `make_event`; `unavailable` when RabbitMQ did not confirm within 10 s, or refused it: the event
  /// may be there or not, so publish it again with the same event id (`make_event` gives it one).
  Result<bool> publish(Event event, std::string exchange = {}, std::string routing_key = {}, bool persistent = true);
  asio::awaitable<Result<bool>> async_publish(Event event, std::string exchange = {}, std::string routing_key = {},
                                              bool persistent = true);

  /// The same for many, sent without waiting for one another; in order. One result for each event.
  std::vector<Result<bool>> publish_batch(std::vector<Event> events, bool persistent = true);
  asio::awaitable<std::vector<Result<bool>>> async_publish_batch(std::vector<Event> events, bool persistent = true);

 private:
  asio::awaitable<std::vector<Result<bool>>> send(std::vector<Event> events, bool persistent);

  RabbitMQConnectionManager& connections_;
};

}  // namespace eventbus
