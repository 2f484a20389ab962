#include "eventbus/telemetry/trace_context.hpp"

#include <algorithm>

namespace eventbus {
namespace {

bool lower_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool all_zero(std::string_view text) {
  return text.find_first_not_of('0') == std::string_view::npos;
}

}  // namespace

std::string valid_traceparent(std::string_view header) {
  constexpr std::size_t length = 55;
  if (header.size() != length || header[2] != '-' || header[35] != '-' || header[52] != '-') return {};
  const auto version = header.substr(0, 2);
  const auto trace_id = header.substr(3, 32);
  const auto parent_id = header.substr(36, 16);
  const auto flags = header.substr(53, 2);
  const bool valid = version == "00" && lower_hex(trace_id) && lower_hex(parent_id) && lower_hex(flags) &&
                     !all_zero(trace_id) && !all_zero(parent_id);
  return valid ? std::string(header) : std::string();
}

}  // namespace eventbus
