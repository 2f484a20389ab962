#include "eventbus/core/cursor.hpp"
#include "eventbus/core/event_json.hpp"
#include "eventbus/core/json.hpp"

namespace eventbus {
namespace {

void append_text(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  append_json_string(out, value);
}

/// Everything but the closing brace.
void append_fields(std::string& out, const Event& event) {
  out.reserve(out.size() + event.payload.size() + event.event_id.size() + event.correlation_id.size() + 400);
  append_text(out, R"({"event_id":)", event.event_id);
  out += R"(,"timestamp":")";
  append_timestamp(out, event.timestamp);
  out += '"';
  append_text(out, R"(,"event_type":)", event.event_type);
  out += R"(,"payload":)";
  out += event.payload;
  if (!event.ordering_key.empty()) append_text(out, R"(,"ordering_key":)", event.ordering_key);
  append_text(out, R"(,"correlation_id":)", event.correlation_id);
  append_text(out, R"(,"exchange":)", event.exchange);
  append_text(out, R"(,"routing_key":)", event.routing_key);
  if (!event.traceparent.empty()) append_text(out, R"(,"traceparent":)", event.traceparent);
  if (event.cloudevent.empty()) return;
  out += R"(,"cloudevent":)";
  out += event.cloudevent;
}

}  // namespace

void append_event(std::string& out, const Event& event) {
  append_fields(out, event);
  out += '}';
}

void append_stored_event(std::string& out, const StoredEvent& stored) {
  append_fields(out, *stored.event);
  out += R"(,"stored_at":")";
  append_timestamp(out, stored.stored_at);
  out += R"(","cursor":")";
  append_place(out, stored.place());
  out += "\"}";
}

std::size_t most_json_bytes(const StoredEvent& stored) {
  constexpr std::size_t names_and_times = 512;
  constexpr std::size_t most_escaped = 6;
  const auto& event = *stored.event;
  const auto texts = event.event_id.size() + event.event_type.size() + event.ordering_key.size() +
                     event.correlation_id.size() + event.exchange.size() + event.routing_key.size() +
                     event.traceparent.size();
  return names_and_times + most_escaped * texts + event.payload.size() + event.cloudevent.size();
}

}  // namespace eventbus
