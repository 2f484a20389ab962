#include "eventbus/broker/rabbitmq/event_message.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "eventbus/broker/rabbitmq/names.hpp"
#include "eventbus/core/event_json.hpp"
#include "eventbus/core/event_rules.hpp"
#include "eventbus/core/json.hpp"
#include "eventbus/core/json_text.hpp"
#include "eventbus/core/timestamp.hpp"
#include "eventbus/telemetry/trace_context.hpp"

namespace eventbus::rabbitmq {
namespace {

std::int64_t micros(Timestamp time) {
  return time.time_since_epoch().count();
}

std::string body_of(const Event& event) {
  std::string body = R"({"event_id":)";
  append_json_string(body, event.event_id);
  body += R"(,"timestamp":")";
  append_timestamp(body, event.timestamp);
  body += R"(","event_type":)";
  append_json_string(body, event.event_type);
  body.append(R"(,"payload":)").append(event.payload);
  if (!event.ordering_key.empty()) {
    body += R"(,"ordering_key":)";
    append_json_string(body, event.ordering_key);
  }
  body += R"(,"correlation_id":)";
  append_json_string(body, event.correlation_id);
  return body += '}';
}

/// Properties hold at most 255 bytes (AMQP's short string), ids 255 characters; the whole id is in headers and body.
std::string if_short(const std::string& id) {
  constexpr std::size_t most_bytes = 255;
  return id.size() <= most_bytes ? id : std::string();
}

void add(amqp::Headers& headers, std::string_view name, amqp::HeaderValue value) {
  headers.emplace_back(std::string(name), std::move(value));
}

void add_text(amqp::Headers& headers, std::string_view name, const std::string& text) {
  if (!text.empty()) add(headers, name, text);
}

void add_time(amqp::Headers& headers, std::string_view name, Timestamp time) {
  if (time != Timestamp{}) add(headers, name, micros(time));
}

std::string text_of(const amqp::Headers& headers, std::string_view name) {
  const auto* value = amqp::find_header(headers, name);
  const auto* text = value == nullptr ? nullptr : std::get_if<std::string>(value);
  return text == nullptr ? std::string{} : *text;
}

std::int64_t integer_of(const amqp::Headers& headers, std::string_view name, std::int64_t otherwise = 0) {
  const auto* value = amqp::find_header(headers, name);
  const auto* number = value == nullptr ? nullptr : std::get_if<std::int64_t>(value);
  return number == nullptr ? otherwise : *number;
}

Timestamp time_of(const amqp::Headers& headers, std::string_view name) {
  return Timestamp{std::chrono::microseconds(integer_of(headers, name))};
}

void mark_as_copy(amqp::Message& message, const Event& event, const Trials& trials) {
  auto& headers = message.properties.headers;
  add(headers, header::exchange, event.exchange);
  add(headers, header::routing_key, event.routing_key);
  if (trials.entry != 0) add(headers, header::entry, trials.entry);
  add_time(headers, header::entered_at, trials.entered_at);
  if (trials.attempt > 1) add(headers, header::attempt, std::int64_t{trials.attempt});
  add_time(headers, header::first_attempt_at, trials.first_attempt_at);
  add_time(headers, header::first_failed_at, trials.first_failed_at);
}

Trials read_trials(const amqp::Headers& headers) {
  const auto attempt = integer_of(headers, header::attempt, 1);
  return {.entry = std::min<std::int64_t>(integer_of(headers, header::entry), 0),
          .entered_at = time_of(headers, header::entered_at),
          .attempt = attempt > 0 && attempt < UINT32_MAX ? static_cast<std::uint32_t>(attempt) : 1,
          .first_attempt_at = time_of(headers, header::first_attempt_at),
          .first_failed_at = time_of(headers, header::first_failed_at)};
}

/// RabbitMQ's record of one queue's deaths of a message (x-death, newest first).
struct DeathRecord {
  std::string reason;
  Origin origin;
  Timestamp newest{};
  Timestamp oldest{};
};

std::string member(const std::vector<JsonMember>& members, std::string_view name) {
  const auto found = std::ranges::find(members, name, &JsonMember::key);
  return found == members.end() ? std::string() : found->value;
}

constexpr std::int64_t last_second = 253'402'300'799;  // of the year 9999

/// What a JSON string in canonical form says.
std::string text_in(std::string_view json) {
  return json.size() < 2 ? std::string() : unescape_canonical(json.substr(1, json.size() - 2));
}

Timestamp seconds(const std::string& text) {
  std::int64_t count = 0;
  const auto end = text.data() + text.size();
  const bool read = std::from_chars(text.data(), end, count).ptr == end && count > 0 && count < last_second;
  return read ? Timestamp{std::chrono::seconds{count}} : Timestamp{};
}

DeathRecord read_record(const amqp::Headers& headers, std::string_view queue) {
  const auto* value = amqp::find_header(headers, header::deaths);
  const auto* json = value == nullptr ? nullptr : std::get_if<amqp::JsonText>(value);
  const auto entries = parse_json_array(json == nullptr ? "[]" : json->text);
  DeathRecord record;
  if (!entries) return record;
  for (const auto& entry : *entries) {
    const auto members = parse_json_object(entry.second);
    if (!members || member(*members, "queue") != queue) continue;
    const auto time = seconds(member(*members, "time"));
    record.newest = std::max(record.newest, time);
    if (record.oldest == Timestamp{} || time < record.oldest) record.oldest = time;
    if (!record.reason.empty()) continue;
    record.reason = member(*members, "reason");
    record.origin.exchange = member(*members, "exchange");
    const auto keys = parse_json_array(member(*members, "routing-keys"));
    if (keys && !keys->empty()) record.origin.routing_key = text_in(keys->front().second);
  }
  return record;
}

bool is_utf8(std::string_view text) {
  return find_invalid_utf8(text) == std::string_view::npos;
}

std::string_view id_fault(std::string_view message_id) {
  return is_utf8(message_id) ? event_id_fault(message_id) : "must be valid UTF-8";
}

/// Some clients put bytes there that mean something to them only.
std::string usable_correlation_id(const std::string& text) {
  return is_utf8(text) && correlation_id_fault(text).empty() ? text : std::string();
}

/// What the service has stored may have any payload: it came as a CloudEvent, or was taken over from another service.
PayloadRule payload_rule(const amqp::Headers& headers) {
  const bool stored = integer_of(headers, header::position) > 0 || !text_of(headers, header::cloudevent).empty();
  return stored ? PayloadRule::any_value : PayloadRule::object;
}

void note_failure(Trials& trials, Timestamp now) {
  if (trials.first_failed_at == Timestamp{}) trials.first_failed_at = now;
}

std::string our_reason(const std::string& death) {
  return death == "maxlen" ? "max_length" : death;
}

/// The text of a member's value as it stood in the document.
std::string json_of(const std::vector<JsonMember>& members, std::string_view key) {
  const auto found = std::ranges::find(members, key, &JsonMember::key);
  if (found == members.end()) return {};
  if (found->kind != JsonKind::string) return found->value;
  std::string text;
  append_json_string(text, found->value);
  return text;
}

/// An event that was stored by an earlier service, whose rules were others: as it is.
Result<Event> read_as_stored(const amqp::ReceivedMessage& message) {
  auto members = parse_json_object(message.body);
  if (!members) return std::unexpected(std::move(members.error()));
  const auto value_of = [&members](std::string_view key) {
    const auto found = std::ranges::find(*members, key, &JsonMember::key);
    return found == members->end() ? std::string() : found->value;
  };
  Event event;
  event.event_id = value_of("event_id");
  event.event_type = value_of("event_type");
  event.payload = json_of(*members, "payload");
  event.ordering_key = value_of("ordering_key");
  event.correlation_id = value_of("correlation_id");
  if (event.correlation_id.empty()) event.correlation_id = event.event_id;
  event.traceparent = valid_traceparent(text_of(message.properties.headers, header::traceparent));
  const auto timestamp = parse_timestamp(value_of("timestamp"));
  if (!timestamp) return fail(ErrorCode::invalid, "timestamp: is no RFC 3339 time");
  event.timestamp = *timestamp;
  return event;
}

Result<Event> read_event(const amqp::ReceivedMessage& message) {
  auto draft = read_publish_request(message, std::numeric_limits<std::size_t>::max());
  if (draft) return *draft->event;
  const bool stored = integer_of(message.properties.headers, header::position) > 0;
  if (!stored || draft.error().code != ErrorCode::invalid) return std::unexpected(std::move(draft.error()));
  return read_as_stored(message);
}

}  // namespace

Trials next_trials(Trials trials, Timestamp now) {
  ++trials.attempt;
  note_failure(trials, now);
  return trials;
}

std::string held_name(const QueuedEvent& queued) {
  const auto& event_id = queued.event.event->event_id;
  return queued.trials.entry == 0 ? event_id : event_id + ' ' + std::to_string(queued.trials.entry);
}

amqp::Message event_message(const StoredEvent& stored) {
  const auto& event = *stored.event;
  amqp::Message message;
  message.exchange = event.exchange;
  message.routing_key = event.routing_key;
  message.body = body_of(event);
  auto& properties = message.properties;
  properties.content_type = "application/json";
  properties.message_id = if_short(event.event_id);
  properties.type = if_short(event.event_type);
  properties.timestamp = std::chrono::floor<std::chrono::seconds>(event.timestamp);
  properties.correlation_id = if_short(event.correlation_id);
  auto& headers = properties.headers;
  add(headers, header::event_id, event.event_id);
  add(headers, header::event_type, event.event_type);
  add_text(headers, header::ordering_key, event.ordering_key);
  add_text(headers, header::traceparent, event.traceparent);
  add_text(headers, header::cloudevent, event.cloudevent);
  if (stored.position > 0) add(headers, header::position, std::int64_t{stored.position});
  if (stored.life > 0) add(headers, header::life, static_cast<std::int64_t>(stored.life));
  add_time(headers, header::stored_at, stored.stored_at);
  return message;
}

amqp::Message direct_message(const StoredEvent& stored, std::string queue, const Trials& trials) {
  auto message = event_message(stored);
  message.exchange.clear();
  message.routing_key = std::move(queue);
  mark_as_copy(message, *stored.event, trials);
  return message;
}

amqp::Message dead_letter_message(const StoredEvent& stored, std::string exchange, std::string queue, Trials trials,
                                  std::uint32_t attempts, const std::string& reason, Timestamp now) {
  note_failure(trials, now);
  auto message = event_message(stored);
  message.exchange = std::move(exchange);
  message.routing_key = std::move(queue);
  mark_as_copy(message, *stored.event, trials);
  auto& headers = message.properties.headers;
  add(headers, header::reason, reason);
  add(headers, header::attempts, std::int64_t{attempts});
  add_time(headers, header::last_failed_at, now);
  return message;
}

amqp::Message unreadable_dead_letter(const amqp::ReceivedMessage& message, std::string_view queue,
                                     const std::string& reason) {
  amqp::Message copy;
  copy.routing_key = dead_letter_queue(queue);
  copy.body = message.body;
  copy.properties = message.properties;
  copy.properties.delivery_mode = 2;
  copy.properties.expiration.clear();
  auto& headers = copy.properties.headers;
  std::erase_if(headers, [](const auto& entry) { return std::holds_alternative<amqp::JsonText>(entry.second); });
  const amqp::Headers ours{{std::string(header::exchange), message.exchange},
                           {std::string(header::routing_key), message.routing_key},
                           {std::string(header::reason), reason},
                           {std::string(header::last_failed_at), micros(now())}};
  for (const auto& entry : ours) {
    std::erase_if(headers, [&entry](const auto& old) { return old.first == entry.first; });
  }
  headers.insert(headers.end(), ours.begin(), ours.end());
  // Headers that fill what AMQP allows leave no room for ours.
  if (!amqp::check_message(copy, copy.body.size())) headers = ours;
  return copy;
}

Result<EventDraft> read_publish_request(const amqp::ReceivedMessage& message, std::size_t max_event_bytes) {
  if (message.too_large())
    return fail(ErrorCode::too_large, "the message is larger than EVENTBUS_MAX_EVENT_BYTES allows");
  const auto& properties = message.properties;
  auto draft =
      parse_event(message.body, {.correlation_id = usable_correlation_id(properties.correlation_id),
                                 .traceparent = valid_traceparent(text_of(properties.headers, header::traceparent)),
                                 .max_event_bytes = max_event_bytes,
                                 .payload = payload_rule(properties.headers)});
  if (!draft || draft->given.event_id) return draft;
  if (properties.message_id.empty())
    return fail(ErrorCode::invalid, "event_id: neither the body nor the message_id names the event");
  if (const auto fault = id_fault(properties.message_id); !fault.empty())
    return fail(ErrorCode::invalid, "message_id " + std::string(fault));
  auto event = *draft->event;
  if (event.correlation_id == event.event_id) event.correlation_id = properties.message_id;
  event.event_id = properties.message_id;
  draft->event = std::make_shared<Event>(std::move(event));
  return draft;
}

Result<QueuedEvent> read_message(const amqp::ReceivedMessage& message) {
  const auto& headers = message.properties.headers;
  auto read = read_event(message);
  if (!read) return std::unexpected(std::move(read.error()));
  auto event = std::move(*read);
  if (auto cloudevent = text_of(headers, header::cloudevent); parse_json_object(cloudevent))
    event.cloudevent = std::move(cloudevent);
  event.exchange = text_of(headers, header::exchange);
  QueuedEvent queued{.event = {}, .trials = read_trials(headers), .replayed = false, .direct = !event.exchange.empty()};
  event.routing_key = queued.direct ? text_of(headers, header::routing_key) : message.routing_key;
  if (!queued.direct) event.exchange = message.exchange;
  queued.event.position = std::max<Position>(integer_of(headers, header::position), 0);
  queued.event.life = static_cast<LifeId>(integer_of(headers, header::life));
  queued.event.stored_at = time_of(headers, header::stored_at);
  if (queued.event.stored_at == Timestamp{}) queued.event.stored_at = event.timestamp;
  queued.event.event = std::make_shared<Event>(std::move(event));
  // Its copies will say so: those of older versions don't, and may have entered again.
  if (!queued.direct && queued.event.position > 0) queued.trials.entered_at = queued.event.stored_at;
  if (queued.event.position == 0) queued.foreign = std::make_shared<amqp::ReceivedMessage>(message);
  return queued;
}

Death read_death(const amqp::ReceivedMessage& message, std::string_view queue, Timestamp now) {
  const auto& headers = message.properties.headers;
  const auto record = read_record(headers, queue);
  const auto either = [](Timestamp one, Timestamp other) { return one == Timestamp{} ? other : one; };
  Death death{.reason = text_of(headers, header::reason),
              .attempts = static_cast<std::uint32_t>(integer_of(headers, header::attempts, 1)),
              .first_failed_at = time_of(headers, header::first_failed_at),
              .last_failed_at = either(time_of(headers, header::last_failed_at), either(record.newest, now))};
  death.first_failed_at = either(death.first_failed_at, either(record.oldest, death.last_failed_at));
  if (!death.reason.empty()) return death;
  death.reason = record.reason.empty() ? "rejected" : our_reason(record.reason);
  death.attempts = read_trials(headers).attempt;
  const bool waited = death.reason == "expired" || death.reason == "max_length";
  if (waited) --death.attempts;
  return death;
}

bool handed_out_too_often(const amqp::ReceivedMessage& message, std::string_view queue) {
  return read_record(message.properties.headers, queue).reason == "delivery_limit";
}

Origin read_origin(const amqp::ReceivedMessage& message, std::string_view queue) {
  const auto& headers = message.properties.headers;
  if (auto exchange = text_of(headers, header::exchange); !exchange.empty())
    return {std::move(exchange), text_of(headers, header::routing_key)};
  auto record = read_record(headers, queue);
  if (!record.reason.empty()) return std::move(record.origin);
  return {message.exchange, message.routing_key};
}

}  // namespace eventbus::rabbitmq
