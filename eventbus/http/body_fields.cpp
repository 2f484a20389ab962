#include "eventbus/http/body_fields.hpp"

#include <algorithm>
#include <charconv>

namespace eventbus {
namespace {

/// The text of a canonical JSON string.
std::string decoded(std::string_view canonical) {
  if (canonical.find('\\') == std::string_view::npos) return std::string(canonical.substr(1, canonical.size() - 2));
  auto members = parse_json_object(std::string(R"({"text":)").append(canonical).append("}"));
  return members ? std::move(members->front().value) : std::string(canonical);
}

std::optional<std::vector<std::string>> strings_of(std::string_view array) {
  auto elements = parse_json_array(array);
  if (!elements) return std::nullopt;
  std::vector<std::string> texts;
  texts.reserve(elements->size());
  for (auto& [kind, value] : *elements) {
    if (kind != JsonKind::string) return std::nullopt;
    texts.push_back(decoded(value));
  }
  return texts;
}

}  // namespace

Result<BodyFields> BodyFields::parse(std::string_view json, std::initializer_list<std::string_view> known) {
  BodyFields fields;
  auto members = parse_json_object(json);
  if (!members) return std::unexpected(std::move(members.error()));
  fields.members_ = std::move(*members);
  for (const auto& member : fields.members_) {
    if (std::ranges::find(known, std::string_view(member.key)) == known.end())
      fields.refuse(member.key, "is not a known field");
  }
  return fields;
}

const JsonMember* BodyFields::find(std::string_view name) const {
  const auto found = std::ranges::find(members_, name, &JsonMember::key);
  return found == members_.end() ? nullptr : &*found;
}

std::optional<std::uint64_t> BodyFields::integer(std::string_view name, std::uint64_t low, std::uint64_t high) {
  const auto* member = find(name);
  if (member == nullptr) return std::nullopt;
  std::uint64_t value = 0;
  const auto& text = member->value;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = member->kind == JsonKind::number && error == std::errc{} && end == text.data() + text.size();
  if (whole && value >= low && value <= high) return value;
  refuse(name, "must be an integer from " + std::to_string(low) + " to " + std::to_string(high));
  return std::nullopt;
}

std::optional<bool> BodyFields::boolean(std::string_view name) {
  const auto* member = find(name);
  if (member == nullptr) return std::nullopt;
  if (member->kind == JsonKind::boolean) return member->value == "true";
  refuse(name, "must be true or false");
  return std::nullopt;
}

std::optional<std::string> BodyFields::text(std::string_view name, std::size_t longest) {
  const auto* member = find(name);
  if (member == nullptr) return std::nullopt;
  if (member->kind == JsonKind::string && !member->value.empty() && member->value.size() <= longest)
    return member->value;
  refuse(name, "must be a string of 1 to " + std::to_string(longest) + " characters");
  return std::nullopt;
}

std::optional<std::vector<std::string>> BodyFields::texts(std::string_view name, std::size_t fewest, std::size_t most) {
  const auto* member = find(name);
  if (member == nullptr) return std::nullopt;
  auto texts = member->kind == JsonKind::array ? strings_of(member->value) : std::nullopt;
  if (texts && texts->size() >= fewest && texts->size() <= most) return texts;
  refuse(name, "must be an array of " + std::to_string(fewest) + " to " + std::to_string(most) + " strings");
  return std::nullopt;
}

void BodyFields::require(std::string_view name) {
  if (!has(name)) refuse(name, "is required");
}

void BodyFields::refuse(std::string_view name, std::string_view message) {
  faults_.add(name, message);
}

Result<void> BodyFields::check() const {
  if (faults_.empty()) return {};
  auto faults = faults_;
  return std::unexpected(std::move(faults).error());
}

}  // namespace eventbus
