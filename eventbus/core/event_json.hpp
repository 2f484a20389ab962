#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "eventbus/core/error.hpp"
#include "eventbus/core/event.hpp"
#include "eventbus/core/text_place.hpp"

namespace eventbus {

/// A publisher's payload is an object; the data of a CloudEvent may be any JSON value.
enum class PayloadRule : unsigned char { object, any_value };

/// What the transport knows about a publish besides the body.
struct PublishContext {
  std::string correlation_id;  ///< From X-Correlation-ID; empty: none.
  std::string traceparent;     ///< From the HTTP header, valid or empty.
  std::size_t max_event_bytes = std::size_t{1} << 20U;
  PayloadRule payload = PayloadRule::object;  ///< `any_value` where the event is known to have come from a CloudEvent.
  TextPlace origin = {};                      ///< Where the event's text begins in the body, for the places in errors.
};

/// Parses one publish request: {"event_id"?, "timestamp"?, "event_type", "payload"?, "ordering_key"?,
/// "correlation_id"?, "exchange"?, "routing_key"?}. Fills in what is missing. Errors: `malformed_json` with line and
/// column; `invalid` naming every bad, missing or unknown field; `too_large`.
Result<EventDraft> parse_event(std::string_view json, const PublishContext& context);

/// A JSON batch holds no more events than this, because its answer names each of them; NDJSON knows no limit.
inline constexpr std::size_t max_batch_events = 100'000;
/// `too_large`: a batch with more of them.
Error batch_too_long();

/// Splits {"events":[…]} into drafts, one result an element, so that one bad event doesn't hide the others. The outer
/// error is for a document that is no such object.
Result<std::vector<Result<EventDraft>>> parse_event_batch(std::string_view json, const PublishContext& context);

/// Appends the event as the API shows it: {"event_id","timestamp","event_type","payload", "ordering_key"?,
/// "correlation_id","exchange","routing_key","traceparent"?,"cloudevent"?}.
void append_event(std::string& out, const Event& event);
/// The same, plus "stored_at" and "cursor".
void append_stored_event(std::string& out, const StoredEvent& stored);
/// It appends no more than so many bytes. Immediate: the texts are not looked at.
std::size_t most_json_bytes(const StoredEvent& stored);

}  // namespace eventbus
