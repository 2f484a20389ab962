#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace eventbus {

/// A point in time in UTC with the resolution of the contract.
using Timestamp = std::chrono::sys_time<std::chrono::microseconds>;

/// The years that RFC 3339 can write.
inline constexpr Timestamp first_moment = std::chrono::sys_days{std::chrono::year{1} / 1 / 1};
inline constexpr Timestamp past_last_moment = std::chrono::sys_days{std::chrono::year{10000} / 1 / 1};

/// Parses RFC 3339 with any offset and up to 9 fractional digits, cut to microseconds (more digits are refused; `t`,
/// `z` and a space for `T` are accepted as RFC 3339 allows). Second 60 is taken at 23:59:60 UTC at the end of June and
/// December only, and counts as `:59.999999`, the last moment that a clock without leap seconds knows before midnight.
/// Years 0001–9999 after conversion to UTC.
std::optional<Timestamp> parse_timestamp(std::string_view text);

/// `2026-11-23T17:49:13Z`, with `.ffffff` (trailing zeros removed) when there is a fraction.
std::string format_timestamp(Timestamp time);
void append_timestamp(std::string& out, Timestamp time);

/// The wall clock.
Timestamp now();

}  // namespace eventbus
