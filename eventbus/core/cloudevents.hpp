#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eventbus/core/error.hpp"
#include "eventbus/core/event.hpp"
#include "eventbus/core/event_json.hpp"

namespace eventbus {

/// CloudEvents 1.0 (github.com/cloudevents/spec, HTTP protocol binding 1.0.2). id↔event_id, time↔timestamp,
/// type↔event_type, data↔payload, partitionkey↔ordering_key; source, subject and extension attributes are kept in
/// Event::cloudevent. `data` must be a JSON object; `data_base64` and a non-JSON `datacontenttype` are refused.
Result<EventDraft> parse_cloudevent(std::string_view json, const PublishContext& context);
Result<std::vector<Result<EventDraft>>> parse_cloudevent_batch(std::string_view json, const PublishContext& context);

/// Binary mode: `attributes` are the ce-* headers with lower-case names without "ce-", values still percent-encoded.
Result<EventDraft> parse_binary_cloudevent(const std::vector<std::pair<std::string, std::string>>& attributes,
                                           std::string_view data, const PublishContext& context);

/// Appends the event in structured mode. `default_source` is used where the event came without a source.
void append_cloudevent(std::string& out, const Event& event, std::string_view default_source);

}  // namespace eventbus
