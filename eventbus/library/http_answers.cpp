#include "eventbus/library/http_answers.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <utility>

namespace eventbus {
namespace {

/// The code that is called so, or one of the same status where this program does not know it.
ErrorCode code_of(std::string_view name, int status) {
  std::optional<ErrorCode> similar;
  for (auto number = 0; number <= std::to_underlying(ErrorCode::internal); ++number) {
    const auto code = static_cast<ErrorCode>(number);
    const auto known = describe(code);
    if (known.name == name) return code;
    if (known.status == status && !similar) similar = code;
  }
  if (similar) return *similar;
  return status >= 400 && status < 500 ? ErrorCode::bad_request : ErrorCode::internal;
}

Error problem_of(const JsonObject& problem, int status) {
  Error error{code_of(problem.text("code"), status), problem.text(problem.has("detail") ? "detail" : "title"), {}};
  for (const auto& field : problem.objects("errors"))
    error.fields.emplace_back(field.text("field"), field.text("message"));
  return error;
}

Error foreign_refusal(int status) {
  return {status >= 500 ? ErrorCode::unavailable : ErrorCode::bad_request,
          "the server answered " + std::to_string(status) + "; is the URL that of an event bus?",
          {}};
}

/// What a queue's state tells besides its definition is left out, and so is what this program does not know.
QueueDefinition definition_of(const JsonObject& queue) {
  constexpr std::array<std::string_view, 12> fields{
      "name",           "bindings",   "max_retries", "retry_delay_ms", "retry_backoff", "retry_max_delay_ms",
      "message_ttl_ms", "max_length", "overflow",    "lease_ms",       "ordered",       "start_from"};
  JsonWriter json;
  for (const auto& [key, kind, value] : queue.members()) {
    if (std::ranges::find(fields, key) == fields.end()) continue;
    kind == JsonKind::string ? json.text(key, value) : json.raw(key, value);
  }
  auto parsed = read_queue_definition(json.done());
  if (!parsed) throw ForeignAnswer();
  return std::move(*parsed);
}

Timestamp time_of(const JsonObject& object, std::string_view key) {
  return parse_timestamp(object.text(key)).value_or(Timestamp{});
}

StoredEvent perhaps_event_of(const JsonObject& object) {
  Event event;
  event.event_id = object.text("event_id");
  event.timestamp = time_of(object, "timestamp");
  event.event_type = object.text("event_type");
  event.payload = object.json("payload");
  event.ordering_key = object.text("ordering_key");
  event.correlation_id = object.text("correlation_id");
  event.exchange = object.text("exchange");
  event.routing_key = object.text("routing_key");
  event.traceparent = object.text("traceparent");
  event.cloudevent = object.text("cloudevent");
  return {.position = 0, .stored_at = time_of(object, "stored_at"), .event = std::make_shared<Event>(std::move(event))};
}

}  // namespace

Error error_of(const JsonObject& problem) {
  return problem_of(problem, static_cast<int>(problem.number("status")));
}

Error error_of(const HttpAnswer& refusal) {
  const bool explained =
      refusal.content_type.starts_with("application/problem+json") && parse_json_object(refusal.body);
  auto error = explained ? problem_of(JsonObject(refusal.body), refusal.status) : foreign_refusal(refusal.status);
  if (!refusal.retry_after.empty()) error.detail += " (try again in " + refusal.retry_after + " s)";
  return error;
}

StoredEvent stored_event_of(const JsonObject& object) {
  auto stored = perhaps_event_of(object);
  if (stored.event->event_id.empty() || stored.event->event_type.empty()) throw ForeignAnswer();
  return stored;
}

std::vector<ClientDelivery> deliveries_of(std::string_view body) {
  std::vector<ClientDelivery> deliveries;
  for (const auto& object : JsonObject(body).objects("deliveries")) {
    deliveries.emplace_back(object.text("delivery_id"), static_cast<std::uint32_t>(object.number("attempt")),
                            object.truth("replayed"), stored_event_of(object.object("event")),
                            time_of(object, "first_attempt_at"));
  }
  return deliveries;
}

QueueState queue_state_of(const JsonObject& queue) {
  QueueState state;
  state.definition = definition_of(queue);
  state.paused = queue.truth("paused");
  state.ready = queue.number("ready");
  state.in_flight = queue.number("in_flight");
  state.delayed = queue.number("delayed");
  state.dead_letters = queue.number("dead_letters");
  state.consumers = queue.number("consumers");
  if (queue.has("oldest_age_seconds"))
    state.oldest_age_seconds = std::strtod(queue.text("oldest_age_seconds").c_str(), nullptr);
  return state;
}

DeadLetterPage dead_letters_of(std::string_view body) {
  const JsonObject object(body);
  DeadLetterPage page{.dead_letters = {}, .next_cursor = object.text("next_cursor")};
  for (const auto& letter : object.objects("dead_letters")) {
    page.dead_letters.push_back({.event = perhaps_event_of(letter.object("event")),
                                 .reason = letter.text("reason"),
                                 .attempts = static_cast<std::uint32_t>(letter.number("attempts")),
                                 .first_failed_at = time_of(letter, "first_failed_at"),
                                 .last_failed_at = time_of(letter, "last_failed_at")});
  }
  return page;
}

Redriven redriven_of(std::string_view body) {
  const JsonObject object(body);
  return {.matched = object.number("matched"), .redriven = object.number("redriven"), .left = object.number("left")};
}

std::vector<Result<bool>> batch_results_of(std::string_view body, std::size_t count) {
  std::vector<Result<bool>> results(count, fail(ErrorCode::internal, "the answer does not mention this event"));
  for (const auto& object : JsonObject(body).objects("results")) {
    const auto index = object.number("index");
    if (index >= count) throw ForeignAnswer();
    const auto status = object.text("status");
    if (status == "failed") {
      results[index] = std::unexpected(error_of(object.object("error")));
    } else {
      results[index] = status != "duplicate";
    }
  }
  return results;
}

Settled settled_of(std::string_view body, std::string_view count) {
  const JsonObject object(body);
  return {.done = object.number(count), .unknown = object.texts("unknown")};
}

}  // namespace eventbus
