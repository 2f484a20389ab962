// The past of a new queue.
#include <algorithm>

#include "eventbus/broker/rabbitmq/broker_parts.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus {

using rabbitmq::LiveQueuePtr;

namespace {

constexpr std::size_t page_events = 1000;

class Ending {
 public:
  explicit Ending(rabbitmq::LiveQueue& queue) : queue_(queue) {}
  ~Ending() { queue_.backfilling = false; }
  Ending(const Ending&) = delete;
  Ending& operator=(const Ending&) = delete;

 private:
  rabbitmq::LiveQueue& queue_;
};

bool wanted(const QueueDefinition& definition, const StoredEvent& stored) {
  const auto& event = *stored.event;
  if (definition.start_from.kind == StartFrom::Kind::time && event.timestamp < definition.start_from.time) return false;
  return routes(definition, event.exchange, event.routing_key);
}

/// Why RabbitMQ can't carry it, or we would not understand it when it comes back; empty for one that may be sent.
std::string fault_of(const amqp::Message& message, std::size_t max_body_bytes) {
  if (const auto checked = amqp::check_message(message, max_body_bytes); !checked) return checked.error().detail;
  amqp::ReceivedMessage received;
  received.body = message.body;
  received.body_bytes = message.body.size();
  received.properties = message.properties;
  const auto read = rabbitmq::read_message(received);
  return read ? std::string() : read.error().detail;
}

}  // namespace

/// Puts stored events into the queue itself until none is left, then binds it. What is stored meanwhile comes by its
/// binding; copies of what was put in come twice and are told apart by position. One instance does it at a time; when
/// it dies another one goes on, from its last page.
asio::awaitable<void> RabbitMqBroker::Parts::backfill(LiveQueuePtr queue) {
  if (std::exchange(queue->backfilling, true)) co_return;
  const Ending ending(*queue);
  auto claimed = co_await catalog.claim_backfill(queue->name(), instance);
  if (!claimed) co_return;
  auto after = *claimed;
  bool bound = false;
  while (!queue->removed && !stopped) {
    auto page = co_await store.read_log(after, page_events, "");
    if (page.events.empty() && bound) break;
    if (page.events.empty()) {
      co_await topology.bind(queue->name(), queue->record.definition.bindings);
      bound = true;
      continue;
    }
    std::vector<amqp::Message> messages;
    for (const auto& stored : page.events) {
      if (!wanted(queue->record.definition, stored)) continue;
      auto message = rabbitmq::direct_message(stored, queue->name(), {.entered_at = clock()});
      const auto fault = fault_of(message, settings.connection.max_body_bytes);
      if (fault.empty()) {
        messages.push_back(std::move(message));
      } else {
        log_warning("a stored event can't be carried to a new queue and is left out of it; it stays in the store",
                    {{"queue", std::string_view(queue->name())},
                     {"event_id", std::string_view(stored.event->event_id)},
                     {"error", std::string_view(fault)}});
        metrics.deliveries.with({queue->name(), "left_out"}).add();
      }
    }
    co_await publisher.publish_direct(std::move(messages));
    after = page.scanned;
    queue->record.live_after = std::max(queue->record.live_after, after);
    if (!co_await catalog.set_backfill(queue->name(), instance, after, queue->record.live_after)) co_return;
  }
  if (queue->removed || stopped) co_return;
  const bool complete = co_await catalog.set_backfill(queue->name(), instance, std::nullopt, queue->record.live_after);
  if (complete) queue->record.backfilled_to.reset();
  changed.notify_all();
}

}  // namespace eventbus
