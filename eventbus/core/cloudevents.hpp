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
/// type↔event_type, data↔payload, partitionkey↔ordering_key; source, subject, datacontenttype and extension attributes
/// are kept in Event::cloudevent. `data` may be any JSON value; `data_base64` and a non-JSON `datacontenttype` are
/// refused.
Result<EventDraft> parse_cloudevent(std::string_view json, const PublishContext& context);
Result<std::vector<Result<EventDraft>>> parse_cloudevent_batch(std::string_view json, const PublishContext& context);

/// Binary mode: `attributes` are the ce-* headers with lower-case names without "ce-", values as they came: quoted or
/// percent-encoded (section 3.1.3.2). `content_type` is that of the data; empty: none was given.
Result<EventDraft> parse_binary_cloudevent(const std::vector<std::pair<std::string, std::string>>& attributes,
                                           std::string_view content_type, std::string_view data,
                                           const PublishContext& context);

/// Whether a media type, with or without parameters, means JSON: its subtype is `json` or ends in `+json`.
bool is_json_media_type(std::string_view type);

/// Appends the event in structured mode. `default_source` is used where the event came without a source.
void append_cloudevent(std::string& out, const Event& event, std::string_view default_source);

}  // namespace eventbus
