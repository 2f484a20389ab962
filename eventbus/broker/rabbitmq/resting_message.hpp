#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "eventbus/amqp/message.hpp"
#include "eventbus/broker/broker.hpp"
#include "eventbus/broker/rabbitmq/event_message.hpp"

namespace eventbus::rabbitmq {

/// Names, for good, what a message is of its queue, so that what is moved to the dead letters is known when it comes
/// again: "life:position:hash", with "life:entry:hash" for a copy that entered again; the hash is that of the event id,
/// since others may send headers like ours. Empty for what has no name: what was not published through the service, and
/// copies of older versions, which forget that they entered again.
std::string entry_name(const QueuedEvent& queued);
std::string entry_name(const amqp::ReceivedMessage& message);
/// Under which it is known while it is on its way to the database; it may have no entry name.
std::string moving_name(const QueuedEvent& queued);

/// A message that a queue gave up, as it rests in the database: unparsed, so that it can be put back as it was.
struct RestingMessage {
  std::int64_t number = 0;  ///< Given by the database.
  std::string entry;        ///< Its name, or "#" and one that nothing else has.
  Position position = 0;    ///< 0: not published through the service.
  std::string event_id;     ///< Made up for what is no event and has no message id.
  Death death;
  Origin origin;
  std::string properties = {};  ///< In AMQP's encoding.
  std::string body = {};
};

/// An event that the service gives up.
RestingMessage to_rest(const QueuedEvent& queued, Death death);
/// A message from the dead-letter queue of `queue`, taken in at `now`.
RestingMessage to_rest(amqp::ReceivedMessage message, std::string_view queue, Timestamp now);

/// As it is listed. What is no event is shown as type "malformed", with body, content type and headers as its payload.
DeadLetter shown(RestingMessage message);

/// The message for its queue, fresh at `now`: as it was, without what became of it there.
amqp::Message redriven(RestingMessage message, std::string queue, Timestamp now);

/// One that RabbitMQ gave up after handing it out too often, for its queue, as it was.
amqp::Message returned(const amqp::ReceivedMessage& message, std::string queue);

/// The same dead letter for the dead-letter queue of `queue`, where RabbitMQ begins to count anew how often it is
/// handed out.
amqp::Message postponed(const amqp::ReceivedMessage& message, std::string_view queue, Timestamp now);

}  // namespace eventbus::rabbitmq
