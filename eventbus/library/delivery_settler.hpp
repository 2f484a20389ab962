#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "eventbus/amqp/consumer.hpp"
#include "eventbus/broker/rabbitmq/event_message.hpp"
#include "eventbus/core/retry_policy.hpp"
#include "eventbus/library/event_subscriber.hpp"
#include "eventbus/library/rabbitmq_link.hpp"

namespace eventbus {

/// A message on loan from a queue, understood where it is an event.
class Delivery {
 public:
  Delivery(std::string queue, std::shared_ptr<amqp::Consumer> consumer, amqp::ReceivedMessage message);

  const std::string& queue() const { return queue_; }
  /// Empty: none.
  const std::string& ordering_key() const;
  /// Null for a message that is no event. Stays where it is when the delivery is moved.
  const ReceivedEvent* received() const { return received_.get(); }

 private:
  friend class DeliverySettler;
  std::string queue_;
  std::shared_ptr<amqp::Consumer> consumer_;
  amqp::ReceivedMessage message_;
  rabbitmq::QueuedEvent queued_;
  std::unique_ptr<const ReceivedEvent> received_;
  std::string fault_;  ///< Why it is no event.
};

/// What the handlers made of a delivery.
struct Verdict {
  enum class Kind : std::uint8_t { done, failed, give_up, unreadable };
  Kind kind;
  std::string reason = {};

  static Verdict done() { return {Kind::done}; }
  static Verdict failed(std::string reason) { return {Kind::failed, std::move(reason)}; }
  static Verdict give_up(std::string reason) { return {Kind::give_up, std::move(reason)}; }
  static Verdict unreadable() { return {Kind::unreadable}; }
};

/// Settles deliveries: acknowledged, tried again later, or put to the dead letters. What takes its place is confirmed
/// by RabbitMQ before the delivery is acknowledged, so that a crash in between repeats it and loses nothing. For the
/// loop's thread.
class DeliverySettler {
 public:
  DeliverySettler(RabbitMqLink& link, RetryPolicy retry) : link_(link), retry_(retry) {}

  /// Never throws. What can't be settled is given back to the queue a second later.
  asio::awaitable<void> settle(Delivery delivery, Verdict verdict);
  /// Returns once the server has processed all acknowledgements, or the connection is lost.
  asio::awaitable<void> finish(amqp::Consumer& consumer);

 private:
  asio::awaitable<void> replace(const Delivery& delivery, const Verdict& verdict);
  asio::awaitable<void> retry_later(const Delivery& delivery, std::chrono::milliseconds wait);
  asio::awaitable<void> give_back(const Delivery& delivery);
  amqp::Message dead_letter(const Delivery& delivery, const std::string& reason) const;

  RabbitMqLink& link_;
  RetryPolicy retry_;
};

}  // namespace eventbus
