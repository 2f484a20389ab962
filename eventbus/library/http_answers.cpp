#include "eventbus/library/http_answers.hpp"

#include <utility>

namespace eventbus {
namespace {

ErrorCode code_of(std::string_view name) {
  for (auto code = ErrorCode::malformed_json; code != ErrorCode::internal;
       code = static_cast<ErrorCode>(std::to_underlying(code) + 1)) {
    if (describe(code).name == name) return code;
  }
  return ErrorCode::internal;
}

Timestamp time_of(const JsonObject& object, std::string_view key) {
  return parse_timestamp(object.text(key)).value_or(Timestamp{});
}

}  // namespace

Error error_of(const JsonObject& problem) {
  Error error{
      code_of(problem.text("code")), problem.has("detail") ? problem.text("detail") : problem.text("title"), {}};
  for (const auto& field : problem.objects("errors"))
    error.fields.emplace_back(field.text("field"), field.text("message"));
  return error;
}

Error error_of(const HttpAnswer& refusal) {
  if (refusal.content_type.starts_with("application/problem+json") && parse_json_object(refusal.body))
    return error_of(JsonObject(refusal.body));
  return {refusal.status >= 500 ? ErrorCode::unavailable : ErrorCode::bad_request,
          "the server answered " + std::to_string(refusal.status) + "; is the URL that of an event bus?",
          {}};
}

StoredEvent stored_event_of(const JsonObject& object) {
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
  if (event.event_id.empty() || event.event_type.empty()) throw ForeignAnswer();
  return {.position = 0, .stored_at = time_of(object, "stored_at"), .event = std::make_shared<Event>(std::move(event))};
}

std::vector<ClientDelivery> deliveries_of(std::string_view body) {
  std::vector<ClientDelivery> deliveries;
  for (const auto& object : JsonObject(body).objects("deliveries")) {
    deliveries.emplace_back(object.text("delivery_id"), static_cast<std::uint32_t>(object.number("attempt")),
                            object.truth("replayed"), stored_event_of(object.object("event")));
  }
  return deliveries;
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
