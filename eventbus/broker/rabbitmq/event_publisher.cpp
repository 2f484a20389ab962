#include "eventbus/broker/rabbitmq/event_publisher.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "eventbus/broker/rabbitmq/event_message.hpp"
#include "eventbus/core/error.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus::rabbitmq {
namespace {

using amqp::Fate;

constexpr std::string_view lost = "the connection was lost before the server confirmed";

void check_taken(const std::vector<Fate>& fates) {
  if (std::ranges::find(fates, Fate::nacked) != fates.end())
    throw Unavailable("publishing to RabbitMQ", "the server refused a message");
}

}  // namespace

bool EventPublisher::accepts() const {
  return guard_.closed() || (guard_.would_allow() && connection_.state() != amqp::LinkState::disconnected);
}

/// What was published of some events.
struct EventPublisher::Batch {
  std::vector<amqp::Message> messages;
  std::vector<EventPtr> events;  ///< Of the messages.
  std::vector<EventPtr> unsendable;
  std::set<std::string, std::less<>> other_types;  ///< Exchanges that route in their own way.
};

/// Throws unless everything was answered.
asio::awaitable<std::vector<Fate>> EventPublisher::send(std::vector<amqp::Message> messages, amqp::Stream stream) {
  DependencyGuard::Call call(guard_);
  const auto until = std::chrono::steady_clock::now() + timeout_;
  const auto login = connection_.logins();
  try {
    auto sent = co_await connection_.publish(std::move(messages), until, stream);
    if (!sent) throw amqp::Refused("publishing to RabbitMQ", sent.error().detail);
    const auto silent = [](Fate fate) { return fate == Fate::unknown || fate == Fate::unsent; };
    if (std::ranges::none_of(*sent, silent)) {
      call.succeeded();
      co_return std::move(*sent);
    }
    // The server closes the channel where an exchange is gone.
    const bool answered = connection_.state() == amqp::LinkState::connected && connection_.logins() == login &&
                          std::chrono::steady_clock::now() < until;
    if (!answered) throw Unavailable("publishing to RabbitMQ", lost);
    queues_.doubt();
    call.succeeded();
    throw amqp::Refused("publishing to RabbitMQ", connection_.trouble());
  } catch (const amqp::Refused&) {
    throw;
  } catch (const Unavailable& error) {
    queues_.doubt();
    if (!blocked()) call.failed(error.what());
    throw;
  }
}

/// A server that is low on memory or disk takes nothing, but it is there: it may be consumed from.
bool EventPublisher::blocked() const {
  return connection_.state() == amqp::LinkState::blocked;
}

/// Lets the next call send, also when this one failed.
class EventPublisher::Turn {
 public:
  explicit Turn(EventPublisher& publisher) : publisher_(publisher) {}
  ~Turn() { end(); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  void end() {
    if (std::exchange(ended_, true)) return;
    ++publisher_.serving_;
    publisher_.turn_.notify_all();
  }

 private:
  EventPublisher& publisher_;
  bool ended_ = false;
};

/// Ends the stream when the call fails; another one begins when all its calls are over.
class EventPublisher::InOrder {
 public:
  explicit InOrder(EventPublisher& publisher) : publisher_(publisher) {
    if (publisher_.in_flight_++ > 0 || !publisher_.broken_) return;
    publisher_.broken_ = false;
    ++publisher_.stream_;
  }
  ~InOrder() {
    --publisher_.in_flight_;
    publisher_.broken_ = publisher_.broken_ || !confirmed_;
  }
  InOrder(const InOrder&) = delete;
  InOrder& operator=(const InOrder&) = delete;
  void confirmed() { confirmed_ = true; }

 private:
  EventPublisher& publisher_;
  bool confirmed_ = false;
};

asio::awaitable<void> EventPublisher::publish(std::vector<StoredEvent> events) {
  InOrder order(*this);
  co_await publish_in_turn(std::move(events));
  order.confirmed();
}

asio::awaitable<void> EventPublisher::publish_in_turn(std::vector<StoredEvent> events) {
  const auto ticket = next_ticket_++;
  while (serving_ != ticket) co_await turn_.wait();
  Turn turn(*this);
  if (broken_) throw Unavailable("publishing to RabbitMQ", "earlier events were not confirmed");
  // A server that lost a queue, or is another one than before, would take the events for nobody's.
  const auto login = co_await queues_.prepared();
  auto batch = co_await messages_of(events);
  turn.end();  // the messages stand in the connection's line before anybody else runs
  auto messages = std::move(batch.messages);
  const auto fates = co_await send(std::move(messages), {.number = stream_, .login = login});
  check_taken(fates);
  check_routing(batch, fates);
  count(batch, fates);
}

asio::awaitable<EventPublisher::Batch> EventPublisher::messages_of(const std::vector<StoredEvent>& events) {
  Batch batch;
  batch.messages.reserve(events.size());
  batch.events.reserve(events.size());
  for (const auto& stored : events) {
    const auto& event = *stored.event;
    const auto exchange = co_await topology_.ensure_exchange(event.exchange);
    if (!exchange) batch.other_types.insert(event.exchange);
    auto message = event_message(stored);
    if (!sendable(event, message)) {
      batch.unsendable.push_back(stored.event);
      continue;
    }
    batch.messages.push_back(std::move(message));
    batch.events.push_back(stored.event);
  }
  co_return batch;
}

asio::awaitable<void> EventPublisher::publish_direct(std::vector<amqp::Message> messages) {
  co_await topology_.until_connected();
  const auto fates = co_await send(std::move(messages), {});
  check_taken(fates);
  if (std::ranges::find(fates, Fate::returned) == fates.end()) co_return;
  queues_.doubt();
  throw Unavailable("publishing to RabbitMQ", "the queue is gone");
}

/// One that AMQP can't carry must not hold up all others for ever. It stays in the store.
bool EventPublisher::sendable(const Event& event, const amqp::Message& message) const {
  const auto checked = amqp::check_message(message, max_body_bytes_);
  if (checked) return true;
  log(LogLevel::error, "an event can't be sent to RabbitMQ and reaches no queue; it stays in the store",
      {{"event_id", std::string_view(event.event_id)}, {"error", std::string_view(checked.error().detail)}});
  return false;
}

void EventPublisher::check_routing(const Batch& batch, const std::vector<Fate>& fates) const {
  for (std::size_t index = 0; index < fates.size(); ++index) {
    const auto& event = *batch.events[index];
    if (fates[index] != Fate::returned || batch.other_types.contains(event.exchange)) continue;
    const auto queue = queues_.wanted_by(event);
    if (queue.empty()) continue;
    queues_.doubt();
    throw Unavailable("publishing to RabbitMQ", "queue '" + std::string(queue) + "' or its binding to exchange '" +
                                                    event.exchange + "' is gone; it is made again");
  }
}

void EventPublisher::count(const Batch& batch, const std::vector<Fate>& fates) {
  for (const auto& event : batch.unsendable) metrics_.unroutable.with({event->exchange}).add(1);
  for (std::size_t index = 0; index < fates.size(); ++index) {
    const auto& event = *batch.events[index];
    if (fates[index] == Fate::confirmed) metrics_.published.with({event.event_type, event.exchange}).add(1);
    if (fates[index] == Fate::returned) metrics_.unroutable.with({event.exchange}).add(1);
  }
}

}  // namespace eventbus::rabbitmq
