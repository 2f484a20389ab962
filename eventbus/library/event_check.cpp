#include "eventbus/library/event_check.hpp"

#include <string>
#include <string_view>

#include "eventbus/core/canonical_json.hpp"
#include "eventbus/core/event_draft.hpp"
#include "eventbus/core/json_text.hpp"
#include "eventbus/library/make_event.hpp"
#include "eventbus/telemetry/trace_context.hpp"

namespace eventbus {
namespace {

using Setter = void (EventDraftBuilder::*)(std::string_view, std::string);

/// Empty: not given.
void set(EventDraftBuilder& builder, Setter setter, std::string_view field, std::string text) {
  if (text.empty()) return;
  if (find_invalid_utf8(text) != std::string_view::npos) return builder.faults().add(field, "must be valid UTF-8");
  (builder.*setter)(field, std::move(text));
}

Error about(std::string_view field, Error error) {
  for (auto& [name, message] : error.fields) name = name.empty() ? std::string(field) : std::string(field) + "." + name;
  error.detail = std::string(field) + ": " + error.detail;
  return error;
}

}  // namespace

Result<EventDraft> draft_of(Event fields) {
  PublishContext context;
  context.traceparent = valid_traceparent(fields.traceparent);
  if (const auto fits = check_event_size(fields.payload.size(), context); !fits) return std::unexpected(fits.error());
  CanonicalJson payload;
  if (auto parsed = payload.parse(fields.payload); !parsed)
    return std::unexpected(about("payload", std::move(parsed.error())));
  EventDraftBuilder builder;
  const auto payload_rule = fields.cloudevent.empty() ? PayloadRule::object : PayloadRule::any_value;
  if (fields.event_type.empty()) builder.faults().add("event_type", "is missing");
  set(builder, &EventDraftBuilder::set_event_id, "event_id", std::move(fields.event_id));
  set(builder, &EventDraftBuilder::set_event_type, "event_type", std::move(fields.event_type));
  set(builder, &EventDraftBuilder::set_ordering_key, "ordering_key", std::move(fields.ordering_key));
  set(builder, &EventDraftBuilder::set_correlation_id, "correlation_id", std::move(fields.correlation_id));
  set(builder, &EventDraftBuilder::set_exchange, "exchange", std::move(fields.exchange));
  set(builder, &EventDraftBuilder::set_routing_key, "routing_key", std::move(fields.routing_key));
  if (fields.timestamp != Timestamp{}) builder.set_timestamp("timestamp", format_timestamp(fields.timestamp));
  if (!fields.cloudevent.empty()) builder.set_cloudevent("cloudevent", std::move(fields.cloudevent));
  builder.set_payload("payload", payload.kind(), payload.text(), payload_rule);
  return builder.finish(context);
}

CheckedBatch check_batch(std::vector<Event> events) {
  CheckedBatch batch;
  for (auto& event : events) {
    auto draft = draft_of(std::move(event));
    if (draft) {
      batch.places.push_back(batch.results.size());
      batch.events.push_back(std::move(draft->event));
      batch.results.emplace_back(false);
    } else {
      batch.results.emplace_back(std::unexpected(std::move(draft.error())));
    }
  }
  return batch;
}

std::vector<Result<bool>> CheckedBatch::with(const std::vector<Result<bool>>& fates) && {
  for (std::size_t sent = 0; sent < fates.size(); ++sent) results[places[sent]] = fates[sent];
  return std::move(results);
}

Result<Event> make_event(Event fields) {
  auto draft = draft_of(std::move(fields));
  if (!draft) return std::unexpected(std::move(draft.error()));
  return *draft->event;
}

}  // namespace eventbus
