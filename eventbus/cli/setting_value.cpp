#include "eventbus/cli/setting_value.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "eventbus/amqp/amqp_url.hpp"
#include "eventbus/cli/console/console.hpp"
#include "eventbus/cli/console/read_number.hpp"
#include "eventbus/cli/listen_address.hpp"
#include "eventbus/cli/secret_mask.hpp"
#include "eventbus/core/queue_name.hpp"
#include "eventbus/postgres/connection_settings.hpp"

namespace eventbus::cli {
namespace {

using Kind = SettingKind;
using Fault = std::optional<std::string>;

constexpr std::string_view blank = " \t\n\v\f\r";

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

template <class Number>
bool in_bounds(const Setting& setting, std::string_view text) {
  const auto number = read_number<Number>(text);
  return number && std::isfinite(static_cast<double>(*number)) && *number >= static_cast<Number>(setting.min) &&
         *number <= static_cast<Number>(setting.max);
}

bool is_choice(const Setting& setting, std::string_view text) {
  const auto choices = words_of(setting.choices);
  return std::ranges::any_of(choices, [&](auto choice) { return equal_ignoring_case(choice, text); });
}

template <class T>
Fault reason_of(const Result<T>& parsed) {
  return parsed ? Fault() : parsed.error().fields.front().message;
}

/// What no setting may hold. It is seldom seen: a file's last line break, a blank copied along.
Fault fault_of_text(std::string_view text) {
  if (text.empty()) return "it is empty: give it a value or leave it out";
  if (blank.find(text.back()) != std::string_view::npos) return "it ends with white space, which has to go";
  if (blank.find(text.front()) != std::string_view::npos) return "it begins with white space, which has to go";
  if (std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
    return "it holds a control character, which has to go";
  return std::nullopt;
}

Fault fault_of_kind(const Setting& setting, std::string_view text) {
  const auto unless = [&](bool right) { return right ? Fault() : allowed(setting); };
  switch (setting.kind) {
    case Kind::address:
      return unless(parse_listen_address(text).has_value());
    case Kind::choice:
      return unless(is_choice(setting, text));
    case Kind::count:
      return unless(in_bounds<std::int64_t>(setting, text));
    case Kind::seconds:
      return unless(in_bounds<double>(setting, text));
    case Kind::database:
      return reason_of(postgres::ConnectionSettings::parse(text, setting.variable));
    case Kind::broker:
      return reason_of(amqp::AmqpUrl::parse(text));
    case Kind::queues:
      return unless(std::ranges::all_of(words_of(text), [](auto name) { return queue_name_fault(name).empty(); }));
    case Kind::path:
    case Kind::text:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

std::string allowed(const Setting& setting) {
  switch (setting.kind) {
    case Kind::address:
      return "a numeric address and a port are allowed, e.g. 127.0.0.1:8000, 0.0.0.0:8000 or [::1]:8000";
    case Kind::path:
      return "a directory is allowed";
    case Kind::choice: {
      const auto choices = words_of(setting.choices);
      return fmt::format("allowed {} {}", choices.size() == 1 ? "is" : "are", fmt::join(choices, ", "));
    }
    case Kind::count:
      return fmt::format("a whole number from {} to {} is allowed", setting.min, setting.max);
    case Kind::seconds:
      return fmt::format("a number of seconds from {} to {} is allowed", setting.min, setting.max);
    case Kind::text:
      return "a text without control characters is allowed";
    case Kind::database:
      return "a postgresql:// URL or libpq keywords are allowed";
    case Kind::broker:
      return "an amqp:// or amqps:// URL is allowed";
    case Kind::queues:
      return "names of queues are allowed, separated by commas; none begins with amq. or ends in .dlq, .dlx or .retry "
             "with digits";
  }
  return {};
}

Fault fault_of(const Setting& setting, std::string_view text) {
  if (auto fault = fault_of_text(text)) return fault;
  return fault_of_kind(setting, text);
}

std::string shown(const Setting& setting, std::string_view text) {
  if (!setting.secret) return printable(text);
  const auto begin = std::min(text.find_first_not_of(blank), text.size());
  const auto trimmed = text.substr(begin, text.find_last_not_of(blank) + 1 - begin);
  return printable(mask_secrets(text, trimmed.empty() || !fault_of_kind(setting, trimmed)));
}

}  // namespace eventbus::cli
