#include "eventbus/broker/rabbitmq/resting_message.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "eventbus/amqp/raw_properties.hpp"
#include "eventbus/broker/rabbitmq/names.hpp"
#include "eventbus/core/fnv1a.hpp"
#include "eventbus/core/json.hpp"
#include "eventbus/core/json_text.hpp"
#include "eventbus/core/random_id.hpp"
#include "eventbus/core/timestamp.hpp"

namespace eventbus::rabbitmq {
namespace {

constexpr unsigned entry_bits = 62;
constexpr std::size_t longest_header = 1000;    // where all together are too long
constexpr std::size_t longest_event_id = 1020;  // bytes of 255 characters

std::string entry_name(LifeId life, std::int64_t entry, std::string_view event_id) {
  return fmt::format("{}:{}:{:x}", life, entry, fnv1a(event_id));
}

/// What is no event has a name only where it was redriven before.
std::string name_of_redriven(const amqp::ReceivedMessage& message) {
  const auto* entry = amqp::find_header(message.properties.headers, header::entry);
  const auto* number = entry == nullptr ? nullptr : std::get_if<std::int64_t>(entry);
  return number == nullptr || *number >= 0 ? std::string() : entry_name(0, *number, message.body);
}

std::string or_unique(std::string name) {
  return name.empty() ? fmt::format("#{:016x}", random_id(64)) : name;
}

/// PostgreSQL's text knows neither other bytes nor NUL.
std::string storable(std::string_view text) {
  auto valid = as_valid_utf8(text);
  std::erase(valid, '\0');
  return valid;
}

/// PostgreSQL knows no times before and after.
Timestamp storable(Timestamp time) {
  return std::clamp(time, first_moment, past_last_moment);
}

Death storable(Death death) {
  death.reason = storable(death.reason);
  death.first_failed_at = storable(death.first_failed_at);
  death.last_failed_at = storable(death.last_failed_at);
  return death;
}

/// The index of event ids is not made for longer ones than we take.
std::string name_of(std::string_view event_id) {
  auto name = storable(event_id);
  return !name.empty() && name.size() <= longest_event_id ? name : fmt::format("message-{:016x}", random_id(64));
}

std::int64_t micros(Timestamp time) {
  return time.time_since_epoch().count();
}

bool is_of_rabbitmq(std::string_view header) {
  constexpr std::array<std::string_view, 5> prefixes{"x-death", "x-first-death-", "x-last-death-", "x-delivery-count",
                                                     "x-acquired-count"};
  // RabbitMQ also gives a copy to each queue that these name.
  if (header == "CC" || header == "BCC") return true;
  return std::ranges::any_of(prefixes, [header](std::string_view prefix) { return header.starts_with(prefix); });
}

bool is_of_trials(std::string_view header) {
  constexpr std::array names{header::attempt,         header::attempts,       header::first_attempt_at,
                             header::first_failed_at, header::last_failed_at, header::reason};
  return std::ranges::find(names, header) != names.end();
}

amqp::Message for_queue(std::string queue, std::string_view raw, std::string body, amqp::Amendment amendment) {
  amqp::Message message;
  message.routing_key = std::move(queue);
  message.body = std::move(body);
  auto amended = amqp::amend(raw, amendment);
  if (amended) {
    message.raw_properties = std::move(*amended);
  } else {
    message.properties.headers = std::move(amendment.headers);
  }
  return message;
}

amqp::Headers headers_of(const Origin& origin) {
  return {{std::string(header::exchange), origin.exchange}, {std::string(header::routing_key), origin.routing_key}};
}

void append_member(std::string& json, std::string_view name, std::string_view value) {
  json += json.size() > 1 ? "," : "";
  append_json_string(json, name);
  json += ':';
  json += value;
}

std::string json_text(std::string_view text) {
  std::string json;
  append_json_string(json, as_valid_utf8(text));
  return json;
}

std::string json_of(const amqp::HeaderValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return json_text(*text);
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
  if (const auto* boolean = std::get_if<bool>(&value)) return *boolean ? "true" : "false";
  return std::get<amqp::JsonText>(value).text;
}

std::string hex_of(std::string_view bytes) {
  std::string hex;
  for (const unsigned char byte : bytes) fmt::format_to(std::back_inserter(hex), "{:02x}", byte);
  return hex;
}

/// A message that is no event, as the payload of one.
std::string payload_of(const amqp::ReceivedMessage& message) {
  std::string json = "{";
  const bool is_text = find_invalid_utf8(message.body) == std::string_view::npos;
  append_member(json, is_text ? "body" : "body_hex", json_text(is_text ? message.body : hex_of(message.body)));
  const auto& properties = message.properties;
  if (!properties.content_type.empty()) append_member(json, "content_type", json_text(properties.content_type));
  std::string headers = "{";
  for (const auto& [name, value] : properties.headers) {
    if (!is_of_rabbitmq(name) && !name.starts_with("x-eventbus-"))
      append_member(headers, as_valid_utf8(name), json_of(value));
  }
  if (headers.size() > 1) append_member(json, "headers", headers + "}");
  return json + "}";
}

StoredEvent not_an_event(const RestingMessage& resting, const amqp::ReceivedMessage& message) {
  auto event = std::make_shared<Event>();
  event->event_id = event->correlation_id = resting.event_id;
  event->event_type = "malformed";
  event->timestamp = resting.death.first_failed_at;
  event->exchange = resting.origin.exchange;
  event->routing_key = resting.origin.routing_key;
  event->payload = payload_of(message);
  return {.position = 0, .stored_at = resting.death.first_failed_at, .event = std::move(event)};
}

/// What others put into headers like ours may be too much: then without it.
std::string encoded(amqp::Message& message) {
  if (!amqp::check_message(message, message.body.size())) {
    std::erase_if(message.properties.headers, [](const auto& entry) {
      const auto* text = std::get_if<std::string>(&entry.second);
      return text != nullptr && text->size() > longest_header;
    });
  }
  return amqp::encode(message.properties);
}

/// Its own, or `otherwise`.
StoredEvent with_time(StoredEvent stored, const amqp::ReceivedMessage& message, Timestamp otherwise) {
  const auto draft = read_publish_request(message, std::numeric_limits<std::size_t>::max());
  if (draft && draft->given.timestamp) return stored;
  auto event = *stored.event;
  event.timestamp = stored.stored_at = otherwise;
  stored.event = std::make_shared<Event>(std::move(event));
  return stored;
}

amqp::ReceivedMessage as_received(const RestingMessage& resting) {
  amqp::ReceivedMessage message;
  message.exchange = resting.origin.exchange;
  message.routing_key = resting.origin.routing_key;
  message.properties = amqp::decode_properties(resting.properties).value_or(amqp::Properties{});
  message.body = resting.body;
  message.body_bytes = message.body.size();
  return message;
}

}  // namespace

std::string entry_name(const QueuedEvent& queued) {
  const auto& [event, trials, replayed, direct, foreign] = queued;
  if (trials.entry != 0) return entry_name(event.life, trials.entry, event.event->event_id);
  const bool forgot = direct && trials.entered_at == Timestamp{};
  return foreign || forgot ? std::string() : entry_name(event.life, event.position, event.event->event_id);
}

std::string moving_name(const QueuedEvent& queued) {
  auto name = entry_name(queued);
  return name.empty() ? held_name(queued) : name;
}

std::string entry_name(const amqp::ReceivedMessage& message) {
  const auto queued = read_message(message);
  return queued ? entry_name(*queued) : name_of_redriven(message);
}

RestingMessage to_rest(const QueuedEvent& queued, Death death) {
  const auto& event = *queued.event.event;
  RestingMessage resting{.entry = or_unique(entry_name(queued)),
                         .position = queued.event.position,
                         .event_id = name_of(event.event_id),
                         .death = storable(std::move(death)),
                         .origin = {storable(event.exchange), storable(event.routing_key)}};
  if (queued.foreign) {
    resting.properties = queued.foreign->raw_properties;
    resting.body = queued.foreign->body;
  } else {
    auto message = event_message(queued.event);
    resting.properties = encoded(message);
    resting.body = std::move(message.body);
  }
  return resting;
}

RestingMessage to_rest(amqp::ReceivedMessage message, std::string_view queue, Timestamp now) {
  const auto queued = read_message(message);
  RestingMessage resting{.entry = or_unique(entry_name(message)),
                         .position = queued ? queued->event.position : 0,
                         .event_id = name_of(queued ? queued->event.event->event_id : message.properties.message_id),
                         .death = storable(read_death(message, queue, now)),
                         .origin = read_origin(message, queue)};
  resting.origin = {storable(resting.origin.exchange), storable(resting.origin.routing_key)};
  resting.properties = std::move(message.raw_properties);
  resting.body = std::move(message.body);
  return resting;
}

DeadLetter shown(RestingMessage resting) {
  const auto message = as_received(resting);
  auto queued = read_message(message);
  auto event = queued ? std::move(queued->event) : not_an_event(resting, message);
  if (queued && queued->foreign) event = with_time(event, message, resting.death.first_failed_at);
  auto& death = resting.death;
  return {std::move(event), std::move(death.reason), death.attempts, death.first_failed_at, death.last_failed_at};
}

amqp::Message redriven(RestingMessage resting, std::string queue, Timestamp now) {
  amqp::Amendment amendment{.drops = [](std::string_view name) { return is_of_rabbitmq(name) || is_of_trials(name); },
                            .headers = headers_of(resting.origin)};
  const auto entry = -static_cast<std::int64_t>(random_id(entry_bits));
  amendment.headers.emplace_back(header::entry, entry);
  amendment.headers.emplace_back(header::entered_at, micros(now));
  return for_queue(std::move(queue), resting.properties, std::move(resting.body), std::move(amendment));
}

amqp::Message returned(const amqp::ReceivedMessage& message, std::string queue) {
  const auto drops = [](std::string_view name) {
    return is_of_rabbitmq(name) || name == header::reason || name == header::attempts || name == header::last_failed_at;
  };
  amqp::Amendment amendment{.drops = drops, .headers = headers_of(read_origin(message, queue))};
  const auto queued = read_message(message);
  if (queued && queued->trials.entered_at != Timestamp{})
    amendment.headers.emplace_back(header::entered_at, micros(queued->trials.entered_at));
  return for_queue(std::move(queue), message.raw_properties, message.body, std::move(amendment));
}

amqp::Message postponed(const amqp::ReceivedMessage& message, std::string_view queue, Timestamp now) {
  const auto death = read_death(message, queue, now);
  amqp::Amendment amendment{.drops = is_of_rabbitmq, .headers = headers_of(read_origin(message, queue))};
  auto& headers = amendment.headers;
  headers.emplace_back(header::reason, death.reason);
  headers.emplace_back(header::attempts, std::int64_t{death.attempts});
  headers.emplace_back(header::first_failed_at, micros(death.first_failed_at));
  headers.emplace_back(header::last_failed_at, micros(death.last_failed_at));
  return for_queue(dead_letter_queue(queue), message.raw_properties, message.body, std::move(amendment));
}

}  // namespace eventbus::rabbitmq
