#include "eventbus/http/parameters.hpp"

#include <algorithm>
#include <charconv>

namespace eventbus {

const std::string* Parameters::find(std::string_view name) const {
  const auto found = std::ranges::find(parameters_, name, &QueryParameter::name);
  return found == parameters_.end() ? nullptr : &found->value;
}

std::string_view Parameters::text(std::string_view name, std::size_t longest) {
  const auto* value = find(name);
  if (value == nullptr) return {};
  if (value->empty() || value->size() > longest) {
    refuse(name, "must have 1 to " + std::to_string(longest) + " characters");
    return {};
  }
  return *value;
}

std::uint64_t Parameters::integer(std::string_view name, std::uint64_t low, std::uint64_t high,
                                  std::uint64_t fallback) {
  const auto* text = find(name);
  if (text == nullptr) return fallback;
  std::uint64_t value = 0;
  const auto* last = text->data() + text->size();
  const auto [end, error] = std::from_chars(text->data(), last, value);
  if (error == std::errc{} && end == last && value >= low && value <= high) return value;
  refuse(name, "must be an integer from " + std::to_string(low) + " to " + std::to_string(high));
  return fallback;
}

bool Parameters::flag(std::string_view name) {
  return choice(name, {"false", "true"}) == "true";
}

std::string_view Parameters::choice(std::string_view name, std::initializer_list<std::string_view> choices) {
  const auto* value = find(name);
  if (value == nullptr) return *choices.begin();
  const auto* found = std::ranges::find(choices, std::string_view(*value));
  if (found != choices.end()) return *found;
  std::string allowed;
  for (const auto choice : choices) allowed.append(allowed.empty() ? "must be " : " or ").append(choice);
  refuse(name, std::move(allowed));
  return *choices.begin();
}

std::optional<Timestamp> Parameters::time(std::string_view name) {
  const auto* value = find(name);
  if (value == nullptr) return std::nullopt;
  auto time = parse_query_time(*value);
  if (!time) refuse(name, "must be an RFC 3339 time such as 2026-01-31T12:00:00Z, with at most 9 fractional digits");
  return time;
}

void Parameters::refuse(std::string_view name, std::string_view message) {
  faults_.add(name, message);
}

Result<void> Parameters::check() const {
  if (faults_.empty()) return {};
  auto faults = faults_;
  return std::unexpected(std::move(faults).error());
}

std::optional<Timestamp> parse_query_time(std::string_view text) {
  constexpr std::string_view offset = " 00:00";
  if (text.size() <= offset.size() || text[text.size() - offset.size()] != ' ' || text[text.size() - 3] != ':') {
    return parse_timestamp(text);
  }
  std::string restored(text);
  restored[text.size() - offset.size()] = '+';
  return parse_timestamp(restored);
}

}  // namespace eventbus
