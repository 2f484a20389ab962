#include "eventbus/core/event_draft.hpp"

#include <fmt/core.h>

#include "eventbus/core/event_rules.hpp"
#include "eventbus/core/json_text.hpp"
#include "eventbus/core/uuid.hpp"

namespace eventbus {

void EventDraftBuilder::accept(std::string_view field, std::string_view fault, std::string& target, bool& given,
                               std::string&& text) {
  if (!fault.empty()) return faults_.add(field, fault);
  target = std::move(text);
  given = true;
}

void EventDraftBuilder::set_event_id(std::string_view field, std::string text) {
  accept(field, event_id_fault(text), event_->event_id, given_.event_id, std::move(text));
}

void EventDraftBuilder::set_event_type(std::string_view field, std::string text) {
  bool given = false;
  accept(field, event_type_fault(text), event_->event_type, given, std::move(text));
}

void EventDraftBuilder::set_ordering_key(std::string_view field, std::string text) {
  accept(field, ordering_key_fault(text), event_->ordering_key, given_.ordering_key, std::move(text));
}

void EventDraftBuilder::set_correlation_id(std::string_view field, std::string text) {
  accept(field, correlation_id_fault(text), event_->correlation_id, given_.correlation_id, std::move(text));
}

void EventDraftBuilder::set_exchange(std::string_view field, std::string text) {
  accept(field, exchange_fault(text), event_->exchange, given_.exchange, std::move(text));
}

void EventDraftBuilder::set_routing_key(std::string_view field, std::string text) {
  accept(field, routing_key_fault(text), event_->routing_key, given_.routing_key, std::move(text));
}

void EventDraftBuilder::set_timestamp(std::string_view field, std::string_view text) {
  const auto time = parse_timestamp(text);
  if (!time) return faults_.add(field, timestamp_fault);
  event_->timestamp = *time;
  given_.timestamp = true;
}

void EventDraftBuilder::set_payload(std::string_view field, JsonKind kind, std::string_view canonical,
                                    PayloadRule rule) {
  if (kind != JsonKind::object && rule == PayloadRule::object) return faults_.add(field, "must be a JSON object");
  event_->payload = canonical;
  given_.payload = true;
}

void EventDraftBuilder::set_cloudevent(std::string_view largest, std::string canonical) {
  if (canonical.size() > most_attribute_bytes) {
    return faults_.add(largest, fmt::format("is too large: the attributes beside the data may have {} bytes together, "
                                            "and they have {}",
                                            most_attribute_bytes, canonical.size()));
  }
  event_->cloudevent = std::move(canonical);
  given_.cloudevent = true;
}

Result<EventDraft> EventDraftBuilder::finish(const PublishContext& context) {
  Event& event = *event_;
  if (!given_.correlation_id && !context.correlation_id.empty()) {
    const bool utf8 = find_invalid_utf8(context.correlation_id) == std::string_view::npos;
    const auto fault = utf8 ? correlation_id_fault(context.correlation_id) : "must be valid UTF-8";
    if (!fault.empty()) faults_.add("X-Correlation-ID", fault);
    event.correlation_id = context.correlation_id;
  }
  if (!faults_.empty()) return std::unexpected(std::move(faults_).error());
  if (!given_.event_id) event.event_id = make_uuid_v7();
  if (!given_.timestamp) event.timestamp = now();
  if (!given_.routing_key) event.routing_key = event.event_type;
  if (event.correlation_id.empty()) event.correlation_id = event.event_id;
  event.traceparent = context.traceparent;
  return EventDraft{std::move(event_), given_};
}

std::optional<std::string> string_of(const CanonicalJson::Member& member, FieldFaults& faults) {
  if (member.kind == JsonKind::string) {
    const std::string_view escaped = member.value.substr(1, member.value.size() - 2);
    const bool plain = escaped.find('\\') == std::string_view::npos;
    return plain ? std::string(escaped) : unescape_canonical(escaped);
  }
  const bool null = member.kind == JsonKind::null;
  faults.add(unescape_canonical(member.key),
             null ? "must be a string; leave the field out instead of null" : "must be a string");
  return std::nullopt;
}

Result<void> check_event_size(std::size_t bytes, const PublishContext& context) {
  if (bytes <= context.max_event_bytes) return {};
  return fail(ErrorCode::too_large,
              fmt::format("The event has {} bytes; at most {} are allowed.", bytes, context.max_event_bytes));
}

}  // namespace eventbus
