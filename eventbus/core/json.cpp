#include "eventbus/core/json.hpp"

#include <algorithm>

#include "eventbus/core/canonical_json.hpp"
#include "eventbus/core/json_scan.hpp"
#include "eventbus/core/json_text.hpp"

namespace eventbus {
namespace {

std::string_view without_quotes(std::string_view string) {
  return string.substr(1, string.size() - 2);
}

Error wrong_kind(std::string_view wanted) {
  const std::string message = "must be a JSON " + std::string(wanted);
  return {ErrorCode::invalid, "The body " + message + ".", {{"body", message}}};
}

struct Entry {
  std::string_view key;
  std::string_view value;
};

std::vector<Entry> sorted_entries(std::string_view object) {
  std::vector<Entry> entries;
  for (JsonScanner scanner(object); scanner.next();) entries.push_back({scanner.key(), scanner.value()});
  std::ranges::sort(entries, {}, &Entry::key);
  return entries;
}

bool equal_objects(std::string_view a, std::string_view b) {
  const std::vector<Entry> left = sorted_entries(a);
  const std::vector<Entry> right = sorted_entries(b);
  return std::ranges::equal(
      left, right, [](const Entry& x, const Entry& y) { return x.key == y.key && json_equal(x.value, y.value); });
}

bool equal_arrays(std::string_view a, std::string_view b) {
  JsonScanner left(a);
  JsonScanner right(b);
  while (left.next()) {
    if (!right.next() || !json_equal(left.value(), right.value())) return false;
  }
  return !right.next();
}

}  // namespace

Result<std::vector<JsonMember>> parse_json_object(std::string_view json) {
  CanonicalJson document;
  if (auto parsed = document.parse(json); !parsed) return std::unexpected(std::move(parsed.error()));
  if (document.kind() != JsonKind::object) return std::unexpected(wrong_kind("object"));
  std::vector<JsonMember> members;
  members.reserve(document.size());
  for (std::size_t i = 0; i < document.size(); ++i) {
    const auto [key, kind, value] = document[i];
    const bool string = kind == JsonKind::string;
    members.push_back(
        {unescape_canonical(key), kind, string ? unescape_canonical(without_quotes(value)) : std::string(value)});
  }
  return members;
}

Result<std::vector<std::pair<JsonKind, std::string>>> parse_json_array(std::string_view json) {
  CanonicalJson document;
  if (auto parsed = document.parse(json); !parsed) return std::unexpected(std::move(parsed.error()));
  if (document.kind() != JsonKind::array) return std::unexpected(wrong_kind("array"));
  std::vector<std::pair<JsonKind, std::string>> elements;
  for (JsonScanner scanner(document.text()); scanner.next();)
    elements.emplace_back(kind_of(scanner.value()), scanner.value());
  return elements;
}

bool json_equal(std::string_view a, std::string_view b) {
  if (a == b) return true;
  const JsonKind kind = kind_of(a);
  if (kind != kind_of(b)) return false;
  switch (kind) {
    case JsonKind::number:
      return normal_number(a) == normal_number(b);
    case JsonKind::array:
      return equal_arrays(a, b);
    case JsonKind::object:
      return equal_objects(a, b);
    default:
      return false;
  }
}

}  // namespace eventbus
