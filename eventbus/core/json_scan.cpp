#include "eventbus/core/json_scan.hpp"

#include <algorithm>

namespace eventbus {
namespace {

/// Length of the string that begins with a quote, both quotes included. A quote ends it unless an odd number of
/// backslashes stands before.
std::size_t string_length(std::string_view text) {
  for (std::size_t quote = text.find('"', 1); quote != std::string_view::npos; quote = text.find('"', quote + 1)) {
    std::size_t begin = quote;
    while (begin > 1 && text[begin - 1] == '\\') --begin;
    if ((quote - begin) % 2 == 0) return quote + 1;
  }
  return text.size();
}

std::size_t nested_length(std::string_view text) {
  std::size_t depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    switch (text[i]) {
      case '"':
        i += string_length(text.substr(i)) - 1;
        break;
      case '{':
      case '[':
        ++depth;
        break;
      case '}':
      case ']':
        if (--depth == 0) return i + 1;
        break;
      default:
        break;
    }
  }
  return text.size();
}

std::size_t value_length(std::string_view text) {
  if (text.empty()) return 0;
  if (text.front() == '"') return string_length(text);
  if (text.front() == '{' || text.front() == '[') return nested_length(text);
  return std::min(text.find(','), text.size());
}

std::string_view take(std::string_view& text, std::size_t length) {
  const std::string_view taken = text.substr(0, length);
  text.remove_prefix(std::min(length + 1, text.size()));
  return taken;
}

}  // namespace

JsonKind kind_of(std::string_view value) {
  switch (value.empty() ? 'n' : value.front()) {
    case 'n':
      return JsonKind::null;
    case 't':
    case 'f':
      return JsonKind::boolean;
    case '"':
      return JsonKind::string;
    case '[':
      return JsonKind::array;
    case '{':
      return JsonKind::object;
    default:
      return JsonKind::number;
  }
}

JsonScanner::JsonScanner(std::string_view canonical)
    : rest_(canonical.size() < 2 ? std::string_view{} : canonical.substr(1, canonical.size() - 2)),
      object_(canonical.starts_with('{')) {}

bool JsonScanner::next() {
  if (rest_.empty()) return false;
  if (object_) {
    const std::string_view quoted = take(rest_, string_length(rest_));
    key_ = quoted.size() < 2 ? std::string_view{} : quoted.substr(1, quoted.size() - 2);
  }
  value_ = take(rest_, value_length(rest_));
  return true;
}

}  // namespace eventbus
