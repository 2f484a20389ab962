#pragma once

#include <span>
#include <string_view>

namespace eventbus {

inline constexpr std::string_view json_type = "application/json";
inline constexpr std::string_view problem_type = "application/problem+json";
inline constexpr std::string_view ndjson_type = "application/x-ndjson";
inline constexpr std::string_view event_stream_type = "text/event-stream";
inline constexpr std::string_view cloudevent_type = "application/cloudevents+json";
inline constexpr std::string_view cloudevent_batch_type = "application/cloudevents-batch+json";
inline constexpr std::string_view html_type = "text/html; charset=utf-8";
inline constexpr std::string_view prometheus_type = "text/plain; version=0.0.4; charset=utf-8";

/// Whether a Content-Type header names `type`; of its parameters only a charset other than UTF-8 matters, it is
/// refused.
bool is_media_type(std::string_view content_type, std::string_view type);

/// What an Accept header (RFC 9110 section 12.5.1) prefers of `offered`; the first offer when the header is empty,
/// empty when none is acceptable. Ties go to the earlier offer.
std::string_view preferred_type(std::string_view accept, std::span<const std::string_view> offered);

}  // namespace eventbus
