#include "eventbus/core/event_json.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "eventbus/core/canonical_json.hpp"
#include "eventbus/core/event_draft.hpp"
#include "eventbus/core/json.hpp"
#include "eventbus/core/json_scan.hpp"
#include "eventbus/core/json_text.hpp"

namespace eventbus {
namespace {

using Member = CanonicalJson::Member;
using SetText = void (EventDraftBuilder::*)(std::string_view, std::string);

struct TextField {
  std::string_view name;
  SetText set;
};

constexpr std::array text_fields = {
    TextField{"event_id", &EventDraftBuilder::set_event_id},
    TextField{"event_type", &EventDraftBuilder::set_event_type},
    TextField{"ordering_key", &EventDraftBuilder::set_ordering_key},
    TextField{"correlation_id", &EventDraftBuilder::set_correlation_id},
    TextField{"exchange", &EventDraftBuilder::set_exchange},
    TextField{"routing_key", &EventDraftBuilder::set_routing_key},
};

constexpr std::array<std::string_view, 8> event_fields = {
    "event_id", "timestamp", "event_type", "payload", "ordering_key", "correlation_id", "exchange", "routing_key"};

void set_field(EventDraftBuilder& builder, const Member& member, PayloadRule payload) {
  if (member.key == "payload") return builder.set_payload(member.key, member.kind, member.value, payload);
  if (member.key == "timestamp") {
    if (const auto text = string_of(member, builder.faults())) builder.set_timestamp(member.key, *text);
    return;
  }
  const auto* const field = std::ranges::find(text_fields, member.key, &TextField::name);
  if (field == text_fields.end()) return builder.faults().add_unknown(unescape_canonical(member.key), event_fields);
  if (auto text = string_of(member, builder.faults())) (builder.*field->set)(member.key, std::move(*text));
}

Result<EventDraft> read_event(const CanonicalJson& document, const PublishContext& context) {
  if (document.kind() != JsonKind::object) {
    return fail(ErrorCode::invalid, "The event must be a JSON object.", {{"body", "must be a JSON object"}});
  }
  EventDraftBuilder builder;
  bool typed = false;
  for (std::size_t i = 0; i < document.size(); ++i) {
    const Member member = document[i];
    typed = typed || member.key == "event_type";
    set_field(builder, member, context.payload);
  }
  if (!typed) builder.faults().add("event_type", "is required");
  return builder.finish(context);
}

Error bad_batch(std::string_view problem) {
  return {ErrorCode::invalid,
          fmt::format("A batch is {{\"events\":[…]}}: events {}.", problem),
          {{"events", std::string(problem)}}};
}

Result<std::string_view> events_of(const CanonicalJson& document) {
  constexpr std::array<std::string_view, 1> allowed = {"events"};
  FieldFaults faults;
  std::string_view events;
  for (std::size_t i = 0; i < document.size(); ++i) {
    const Member member = document[i];
    if (member.key != "events") {
      faults.add_unknown(unescape_canonical(member.key), allowed);
    } else if (member.kind != JsonKind::array) {
      return std::unexpected(bad_batch("must be an array"));
    } else {
      events = member.value;
    }
  }
  if (!faults.empty()) return std::unexpected(std::move(faults).error());
  if (events.empty()) return std::unexpected(bad_batch("is required"));
  return events;
}

}  // namespace

Result<EventDraft> parse_event(std::string_view json, const PublishContext& context) {
  if (auto size = check_event_size(json.size(), context); !size) return std::unexpected(std::move(size.error()));
  thread_local CanonicalJson document;
  if (auto parsed = document.parse(json, max_json_depth, context.origin); !parsed)
    return std::unexpected(std::move(parsed.error()));
  Result<EventDraft> draft = read_event(document, context);
  document.shrink();
  return draft;
}

Result<std::vector<Result<EventDraft>>> parse_event_batch(std::string_view json, const PublishContext& context) {
  CanonicalJson document;
  if (auto parsed = document.parse(json, max_json_depth + 2); !parsed)
    return std::unexpected(std::move(parsed.error()));
  if (document.kind() != JsonKind::object) return std::unexpected(bad_batch("must stand in a JSON object"));
  const Result<std::string_view> events = events_of(document);
  if (!events) return std::unexpected(events.error());
  std::vector<Result<EventDraft>> drafts;
  for (JsonScanner scanner(*events); scanner.next();) {
    if (drafts.size() == max_batch_events) return std::unexpected(batch_too_long());
    drafts.push_back(parse_event(scanner.value(), context));
  }
  return drafts;
}

Error batch_too_long() {
  return {
      ErrorCode::too_large,
      fmt::format("A JSON batch holds at most {} events; send longer ones as application/x-ndjson.", max_batch_events)};
}

}  // namespace eventbus
