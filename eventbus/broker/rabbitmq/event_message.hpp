#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "eventbus/amqp/message.hpp"
#include "eventbus/core/error.hpp"
#include "eventbus/core/event.hpp"

namespace eventbus::rabbitmq {

/// What a queue knows of one event besides the event: how often it was tried, since when.
struct Trials {
  std::int64_t entry = 0;        ///< Below 0 where it entered again: names this copy.
  Timestamp entered_at{};        ///< Unset where it came when it was stored.
  std::uint32_t attempt = 1;     ///< Of the delivery that comes next, or is under way.
  Timestamp first_attempt_at{};  ///< Unset before the first delivery.
  Timestamp first_failed_at{};   ///< Unset before the first failure.
};

/// After an attempt failed at `now`.
Trials next_trials(Trials trials, Timestamp now);

/// Why and when a queue gave an event up.
struct Death {
  std::string reason;
  std::uint32_t attempts = 1;
  Timestamp first_failed_at{};
  Timestamp last_failed_at{};
};

/// A message as it came from a queue, understood.
struct QueuedEvent {
  StoredEvent event;  ///< Position 0 for an event that was not published through the service.
  Trials trials;
  bool replayed = false;
  bool direct = false;  ///< Put into the queue itself rather than routed: by a retry, a backfill, a redrive.
  std::shared_ptr<const amqp::ReceivedMessage> foreign = nullptr;  ///< As it came, where the position is 0.

  /// When it came to the queue.
  Timestamp entered_at() const { return trials.entered_at == Timestamp{} ? event.stored_at : trials.entered_at; }
};

/// Under which a retry of it is held: one that was redriven has another name than it had before.
std::string held_name(const QueuedEvent& queued);

/// The event as a message for its exchange, persistent and mandatory (contract section 7).
amqp::Message event_message(const StoredEvent& stored);

/// The event for one queue, past the exchanges: `routing_key` is the name of the queue or of one of its delay queues.
amqp::Message direct_message(const StoredEvent& stored, std::string queue, const Trials& trials);

/// The event, given up at `now`, for the dead letters that `exchange` and `queue` lead to.
amqp::Message dead_letter_message(const StoredEvent& stored, std::string exchange, std::string queue, Trials trials,
                                  std::uint32_t attempts, const std::string& reason, Timestamp now);

/// A message that is no event for the dead letters of `queue`, past the exchanges: as it came, with the reason.
amqp::Message unreadable_dead_letter(const amqp::ReceivedMessage& message, std::string_view queue,
                                     const std::string& reason);

/// What any publisher sent: the body is one publish request; the event id may also be the message id, and one of both
/// is required. Correlation id and traceparent may come beside the body. The payload is an object, or any value where
/// our headers say that the service has stored the event. The error says what is wrong with it.
Result<EventDraft> read_publish_request(const amqp::ReceivedMessage& message, std::size_t max_event_bytes);

/// The same for what lies in a queue that is delivered from, of any size: an event as it was routed, and how often it
/// was tried. One that we sent, since it was stored, may break the rules for new ones: an earlier service wrote it.
Result<QueuedEvent> read_message(const amqp::ReceivedMessage& message);

/// Why the message came to the dead letters of `queue`, by `now`: our headers, else RabbitMQ's record of it.
Death read_death(const amqp::ReceivedMessage& message, std::string_view queue, Timestamp now);

/// Whether RabbitMQ gave it up in `queue` for that alone, by its own record.
bool handed_out_too_often(const amqp::ReceivedMessage& message, std::string_view queue);

/// Where a dead letter of `queue` was published, before RabbitMQ moved it there.
struct Origin {
  std::string exchange;
  std::string routing_key;
};
Origin read_origin(const amqp::ReceivedMessage& message, std::string_view queue);

}  // namespace eventbus::rabbitmq
