#include "eventbus/http/media_type.hpp"

#include <algorithm>
#include <boost/beast/core/string.hpp>
#include <charconv>
#include <string>

namespace eventbus {
namespace {

using boost::beast::iequals;

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string_view next_part(std::string_view& rest, char separator) {
  const auto end = std::min(rest.find(separator), rest.size());
  const auto part = trim(rest.substr(0, end));
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

double quality(std::string_view parameters) {
  while (!parameters.empty()) {
    const auto parameter = next_part(parameters, ';');
    if (parameter.size() < 3 || !iequals(parameter.substr(0, 2), "q=")) continue;
    double value = 0;
    const auto text = parameter.substr(2);
    const auto [end, error] = std::from_chars(text.begin(), text.end(), value);
    return error == std::errc{} && end == text.end() ? value : 0;
  }
  return 1;
}

/// How exactly `range` names `type`: 0 not at all, 1 "*/*", 2 "text/*", 3 by name.
int specificity(std::string_view range, std::string_view type) {
  if (iequals(range, type)) return 3;
  if (range == "*/*") return 1;
  const bool family =
      range.ends_with("/*") && iequals(range.substr(0, range.size() - 1), type.substr(0, type.find('/') + 1));
  return family ? 2 : 0;
}

double quality_of(std::string_view accept, std::string_view type) {
  int best = 0;
  double result = 0;
  while (!accept.empty()) {
    auto part = next_part(accept, ',');
    const auto range = next_part(part, ';');
    const int exactness = specificity(range, type);
    if (exactness <= best) continue;
    best = exactness;
    result = quality(part);
  }
  return result;
}

}  // namespace

bool is_media_type(std::string_view content_type, std::string_view type) {
  if (!iequals(next_part(content_type, ';'), type)) return false;
  while (!content_type.empty()) {
    const auto parameter = next_part(content_type, ';');
    if (parameter.size() < 8 || !iequals(parameter.substr(0, 8), "charset=")) continue;
    const auto charset = parameter.substr(8);
    return iequals(charset, "utf-8") || iequals(charset, "\"utf-8\"");
  }
  return true;
}

std::string_view preferred_type(std::string_view accept, std::span<const std::string_view> offered) {
  if (trim(accept).empty()) return offered.front();
  std::string_view best;
  double best_quality = 0;
  for (const auto type : offered) {
    const double value = quality_of(accept, type);
    if (value <= best_quality) continue;
    best = type;
    best_quality = value;
  }
  return best;
}

}  // namespace eventbus
