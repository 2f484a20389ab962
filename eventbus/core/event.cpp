#include "eventbus/core/event.hpp"

#include "eventbus/core/json.hpp"

namespace eventbus {
namespace {

/// CloudEvents' attributes but for the media type of the data. They are strings, booleans and numbers.
std::string compared_attributes(std::string_view cloudevent) {
  const auto attributes = parse_json_object(cloudevent);
  if (!attributes) return std::string(cloudevent);
  std::string compared;
  for (const auto& [name, kind, value] : *attributes) {
    if (name == "datacontenttype") continue;
    compared += compared.empty() ? '{' : ',';
    append_json_string(compared, name);
    compared += ':';
    if (kind == JsonKind::string) {
      append_json_string(compared, value);
    } else {
      compared += value;
    }
  }
  return compared.empty() ? "{}" : compared + '}';
}

bool same_attributes(const std::string& a, const std::string& b) {
  return a == b || json_equal(compared_attributes(a), compared_attributes(b));
}

}  // namespace

bool repeats(const Event& stored, const EventDraft& again) {
  const Event& event = *again.event;
  const GivenFields& given = again.given;
  return stored.event_type == event.event_type && (!given.timestamp || stored.timestamp == event.timestamp) &&
         (!given.ordering_key || stored.ordering_key == event.ordering_key) &&
         (!given.correlation_id || stored.correlation_id == event.correlation_id) &&
         (!given.exchange || stored.exchange == event.exchange) &&
         (!given.routing_key || stored.routing_key == event.routing_key) &&
         (!given.payload || json_equal(stored.payload, event.payload)) &&
         (!given.cloudevent || same_attributes(stored.cloudevent, event.cloudevent));
}

}  // namespace eventbus
