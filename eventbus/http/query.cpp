#include "eventbus/http/query.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "eventbus/core/field_faults.hpp"
#include "eventbus/core/json_text.hpp"

namespace eventbus {
namespace {

constexpr std::string_view encoding_rule =
    "must be percent-encoded UTF-8 without NUL: '%' takes two hexadecimal digits";

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_value(text[i + 1]);
      const int low = hex_value(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && plus_is_space) {
      c = ' ';
    }
    if (c == '\0') return std::nullopt;
    out.push_back(c);
  }
  if (!valid_utf8(out)) return std::nullopt;
  return out;
}

void add_pair(std::string_view pair, std::vector<QueryParameter>& out, FieldFaults& faults) {
  const auto equals = pair.find('=');
  auto name = decode(pair.substr(0, equals), true);
  if (!name) {
    faults.add("query", "a parameter name " + std::string(encoding_rule));
    return;
  }
  auto value = decode(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1), true);
  if (!value) {
    faults.add(*name, encoding_rule);
  } else if (std::ranges::find(out, *name, &QueryParameter::name) != out.end()) {
    faults.add(*name, "is given more than once");
  } else {
    out.push_back({std::move(*name), std::move(*value)});
  }
}

bool unreserved(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

}  // namespace

bool valid_utf8(std::string_view text) {
  return find_invalid_utf8(text) == std::string_view::npos;
}

Result<std::vector<QueryParameter>> parse_query(std::string_view raw) {
  std::vector<QueryParameter> out;
  FieldFaults faults;
  while (!raw.empty()) {
    const auto end = std::min(raw.find('&'), raw.size());
    if (end > 0) add_pair(raw.substr(0, end), out, faults);
    raw.remove_prefix(std::min(end + 1, raw.size()));
  }
  if (!faults.empty()) return std::unexpected(std::move(faults).error());
  return out;
}

Result<std::string> decode_percent(std::string_view text, std::string_view field) {
  auto decoded = decode(text, false);
  if (decoded) return std::move(*decoded);
  FieldFaults faults;
  faults.add(field, encoding_rule);
  return std::unexpected(std::move(faults).error());
}

void append_path_encoded(std::string& out, std::string_view path) {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  for (const char c : path) {
    if (unreserved(c) || c == '/') {
      out.push_back(c);
    } else {
      const auto byte = static_cast<std::uint8_t>(c);
      out += {'%', digits[byte >> 4U], digits[byte & 15U]};
    }
  }
}

}  // namespace eventbus
