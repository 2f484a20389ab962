#pragma once

#include <chrono>
#include <string>
#include <string_view>

/// What things are called on the RabbitMQ server (contract section 7).
namespace eventbus::rabbitmq {

/// Where messages that a queue gives up go: "<exchange>.dlx", a direct exchange; the queue's name is the routing key.
std::string dead_letter_exchange(std::string_view exchange);
/// Where they rest: "<queue>.dlq".
std::string dead_letter_queue(std::string_view queue);
/// Where retries wait: "<queue>.retry.<milliseconds>"; a digest stands for the name of a queue of an earlier version
/// that is too long for that.
std::string retry_queue(std::string_view queue, std::chrono::milliseconds delay);

/// Delays that somebody asked for are rounded up to one of eight steps an octave, so that a queue needs few delay
/// queues. From 1 ms.
std::chrono::milliseconds retry_step(std::chrono::milliseconds delay);
/// Delays by chance are rounded down to one of two steps an octave, for still fewer. From 1 ms.
std::chrono::milliseconds jittered_step(std::chrono::milliseconds delay);

/// Names of message headers. The first four are contract, the others are ours.
namespace header {
inline constexpr std::string_view event_id = "event_id";
inline constexpr std::string_view event_type = "event_type";
inline constexpr std::string_view ordering_key = "ordering_key";
inline constexpr std::string_view traceparent = "traceparent";
inline constexpr std::string_view cloudevent = "x-eventbus-cloudevent";  ///< JSON object.
inline constexpr std::string_view position = "x-eventbus-position";
inline constexpr std::string_view life = "x-eventbus-life";            ///< Of the log, that gave the position.
inline constexpr std::string_view stored_at = "x-eventbus-stored-at";  ///< Times: microseconds since 1970, UTC.
inline constexpr std::string_view exchange = "x-eventbus-exchange";    ///< Of a copy: where the event was published.
inline constexpr std::string_view routing_key = "x-eventbus-routing-key";
inline constexpr std::string_view attempt = "x-eventbus-attempt";  ///< Of the next delivery; 1 when absent.
inline constexpr std::string_view first_attempt_at = "x-eventbus-first-attempt-at";
inline constexpr std::string_view first_failed_at = "x-eventbus-first-failed-at";
inline constexpr std::string_view last_failed_at = "x-eventbus-last-failed-at";
inline constexpr std::string_view reason = "x-eventbus-reason";  ///< Of a dead letter.
inline constexpr std::string_view attempts = "x-eventbus-attempts";
inline constexpr std::string_view entry = "x-eventbus-entry";  ///< Of a copy that entered again: a number below 0.
inline constexpr std::string_view entered_at = "x-eventbus-entered-at";
inline constexpr std::string_view deaths = "x-death";  ///< RabbitMQ's own record.
}  // namespace header

}  // namespace eventbus::rabbitmq
