#include "eventbus/broker/rabbitmq/event_publisher.hpp"

#include <algorithm>
#include <utility>

#include "eventbus/broker/rabbitmq/event_message.hpp"
#include "eventbus/core/error.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus::rabbitmq {
namespace {

using amqp::Fate;

constexpr std::string_view lost = "the connection was lost before the server confirmed";

/// Throws for the first message whose fate is not one of the good ones.
void check(const std::vector<Fate>& fates, bool returned_is_good) {
  for (const auto fate : fates) {
    if (fate == Fate::confirmed || (fate == Fate::returned && returned_is_good)) continue;
    if (fate == Fate::returned) throw Unavailable("publishing to RabbitMQ", "the queue is gone");
    if (fate == Fate::nacked) throw Unavailable("publishing to RabbitMQ", "the server refused a message");
    throw Unavailable("publishing to RabbitMQ", lost);
  }
}

}  // namespace

bool EventPublisher::accepts() const {
  return guard_.closed() || (guard_.would_allow() && connection_.state() != amqp::LinkState::disconnected);
}

asio::awaitable<std::vector<Fate>> EventPublisher::send(std::vector<amqp::Message> messages, amqp::Stream stream) {
  DependencyGuard::Call call(guard_);
  try {
    auto sent = co_await connection_.publish(std::move(messages), std::chrono::steady_clock::now() + timeout_, stream);
    if (!sent) throw amqp::Refused("publishing to RabbitMQ", sent.error().detail);
    report(call, *sent);
    co_return std::move(*sent);
  } catch (const amqp::Refused&) {
    throw;
  } catch (const Unavailable& error) {
    topology_.forget();  // an exchange may be gone
    if (!blocked()) call.failed(error.what());
    throw;
  }
}

/// A server that is low on memory or disk takes nothing, but it is there: it may be consumed from.
bool EventPublisher::blocked() const {
  return connection_.state() == amqp::LinkState::blocked;
}

void EventPublisher::report(DependencyGuard::Call& call, const std::vector<Fate>& fates) const {
  const auto silent = [](Fate fate) { return fate == Fate::unknown || fate == Fate::unsent; };
  if (!std::ranges::any_of(fates, silent)) return call.succeeded();
  topology_.forget();  // an exchange may be gone
  if (!blocked()) call.failed(lost);
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
  const auto login = co_await prepared_();
  std::vector<amqp::Message> messages;
  messages.reserve(events.size());
  for (const auto& event : events) {
    co_await topology_.ensure_exchange(event.event->exchange);
    auto message = event_message(event);
    if (sendable(event, message)) messages.push_back(std::move(message));
  }
  turn.end();  // the messages stand in the connection's line before anybody else runs
  const auto fates = co_await send(std::move(messages), {.number = stream_, .login = login});
  count(events, fates);
  check(fates, true);
}

asio::awaitable<void> EventPublisher::publish_direct(std::vector<amqp::Message> messages) {
  co_await topology_.until_connected();
  const auto fates = co_await send(std::move(messages), {});
  check(fates, false);
}

/// One that AMQP can't carry must not hold up all others for ever. It stays in the store.
bool EventPublisher::sendable(const StoredEvent& stored, const amqp::Message& message) const {
  const auto checked = amqp::check_message(message, max_body_bytes_);
  if (checked) return true;
  log(LogLevel::error, "an event can't be sent to RabbitMQ and reaches no queue; it stays in the store",
      {{"event_id", std::string_view(stored.event->event_id)}, {"error", std::string_view(checked.error().detail)}});
  return false;
}

void EventPublisher::count(const std::vector<StoredEvent>& events, const std::vector<Fate>& fates) {
  if (fates.size() != events.size()) return;  // with one that can't be sent among them, none is told from the others
  for (std::size_t index = 0; index < fates.size(); ++index) {
    const auto& event = *events[index].event;
    if (fates[index] == Fate::confirmed || fates[index] == Fate::returned)
      metrics_.published.with({event.event_type, event.exchange}).add(1);
  }
}

}  // namespace eventbus::rabbitmq
