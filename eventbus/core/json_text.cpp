#include "eventbus/core/json_text.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "eventbus/core/json.hpp"

namespace eventbus {
namespace {

constexpr std::int64_t most_integer_digits = 131'072;
constexpr std::int64_t most_fraction_digits = 16'383;

/// For each byte: 0 as it is, 'u' \u00xx, else the letter behind the backslash.
constexpr std::array<char, 256> escapes = [] {
  std::array<char, 256> table{};
  for (std::size_t c = 0; c < 0x20; ++c) table[c] = 'u';
  table['"'] = '"';
  table['\\'] = '\\';
  table['\b'] = 'b';
  table['\f'] = 'f';
  table['\n'] = 'n';
  table['\r'] = 'r';
  table['\t'] = 't';
  return table;
}();

/// Whether a byte of the eight needs an escape: one below 0x20, a quote or a backslash (S. E. Anderson, "Bit Twiddling
/// Hacks": determine if a word has a byte less than n, or a zero byte).
bool any_needs_escape(std::uint64_t bytes) {
  constexpr std::uint64_t ones = 0x0101010101010101;
  constexpr std::uint64_t tops = 0x8080808080808080;
  const auto below = [](std::uint64_t word, std::uint64_t limit) { return (word - ones * limit) & ~word & tops; };
  return (below(bytes, 0x20) | below(bytes ^ (ones * '"'), 1) | below(bytes ^ (ones * '\\'), 1)) != 0;
}

/// How many bytes from `begin` on surely need no escape, in steps of eight.
std::size_t plain_bytes(std::string_view text, std::size_t begin) {
  std::size_t end = begin;
  for (std::uint64_t bytes = 0; end + sizeof bytes <= text.size(); end += sizeof bytes) {
    std::memcpy(&bytes, text.data() + end, sizeof bytes);
    if (any_needs_escape(bytes)) break;
  }
  return end - begin;
}

void append_escape(std::string& out, unsigned char c, char escape) {
  out += '\\';
  out += escape;
  if (escape != 'u') return;
  out += "00";
  out += "0123456789abcdef"[c >> 4U];
  out += "0123456789abcdef"[c & 0xFU];
}

char unescaped(char letter) {
  switch (letter) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return letter;
  }
}

unsigned hex_value(char digit) {
  return static_cast<unsigned>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

unsigned char byte_at(std::string_view text, std::size_t i) {
  return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
}

/// Length of the valid sequence at `i`, 0 when there is none (Unicode 15, table 3-7).
std::size_t utf8_length(std::string_view text, std::size_t i) {
  const unsigned char lead = byte_at(text, i);
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  const unsigned char lowest = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned char highest = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  const unsigned char second = byte_at(text, i + 1);
  if (second < lowest || second > highest) return 0;
  for (std::size_t k = 2; k < length; ++k) {
    if ((byte_at(text, i + k) & 0xC0U) != 0x80) return 0;
  }
  return length;
}

/// A JSON number taken apart.
struct Decimal {
  bool negative = false;
  std::string_view integer;
  std::string_view fraction;
  std::int64_t exponent = 0;
};

/// Exponents beyond any use are cut off where they can not overflow.
std::int64_t read_exponent(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  std::int64_t value = 0;
  for (const char digit : text) value = std::min<std::int64_t>(value * 10 + (digit - '0'), 1'000'000'000'000);
  return negative ? -value : value;
}

Decimal take_apart(std::string_view number) {
  Decimal parts;
  parts.negative = number.starts_with('-');
  if (parts.negative) number.remove_prefix(1);
  if (const std::size_t e = number.find_first_of("eE"); e != std::string_view::npos) {
    parts.exponent = read_exponent(number.substr(e + 1));
    number = number.substr(0, e);
  }
  const std::size_t point = number.find('.');
  parts.integer = number.substr(0, point);
  if (point != std::string_view::npos) parts.fraction = number.substr(point + 1);
  return parts;
}

}  // namespace

void append_json_escaped(std::string& out, std::string_view text) {
  std::size_t begin = 0;
  for (std::size_t i = plain_bytes(text, 0); i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (escapes[c] == 0) continue;
    out.append(text, begin, i - begin);
    append_escape(out, c, escapes[c]);
    begin = i + 1;
    i += plain_bytes(text, begin);
  }
  out.append(text, begin);
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  append_json_escaped(out, text);
  out += '"';
}

std::string unescape_canonical(std::string_view escaped) {
  std::string text;
  text.reserve(escaped.size());
  while (true) {
    const std::size_t slash = escaped.find('\\');
    text.append(escaped.substr(0, slash));
    if (slash == std::string_view::npos || slash + 1 == escaped.size()) return text;
    const char letter = escaped[slash + 1];
    const bool coded = letter == 'u' && slash + 6 <= escaped.size();
    text += coded ? static_cast<char>(hex_value(escaped[slash + 4]) << 4U | hex_value(escaped[slash + 5]))
                  : unescaped(letter);
    escaped.remove_prefix(slash + (coded ? 6 : 2));
  }
}

std::size_t find_invalid_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text, i);
    if (length == 0) return i;
    i += length;
  }
  return std::string_view::npos;
}

std::string as_valid_utf8(std::string_view text) {
  std::string valid;
  for (auto fault = find_invalid_utf8(text); fault != std::string_view::npos; fault = find_invalid_utf8(text)) {
    valid.append(text.substr(0, fault)).append("\xEF\xBF\xBD");
    text.remove_prefix(fault + 1);
  }
  return valid.append(text);
}

std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80; }));
}

std::string normal_number(std::string_view json_number) {
  const Decimal parts = take_apart(json_number);
  std::string digits;
  digits.reserve(parts.integer.size() + parts.fraction.size());
  digits.append(parts.integer).append(parts.fraction);
  const std::size_t last = digits.find_last_not_of('0');
  if (last == std::string::npos) return "0";
  const auto stripped = static_cast<std::int64_t>(digits.size() - 1 - last);
  digits.resize(last + 1);
  digits.erase(0, digits.find_first_not_of('0'));
  const std::int64_t exponent = parts.exponent - static_cast<std::int64_t>(parts.fraction.size()) + stripped;
  return (parts.negative ? "-" : "") + digits + 'e' + std::to_string(exponent);
}

bool number_in_range(std::string_view json_number) {
  const Decimal parts = take_apart(json_number);
  const auto integer_digits = static_cast<std::int64_t>(parts.integer == "0" ? 0 : parts.integer.size());
  const auto fraction_digits = static_cast<std::int64_t>(parts.fraction.size());
  return integer_digits + parts.exponent <= most_integer_digits &&
         fraction_digits - parts.exponent <= most_fraction_digits;
}

}  // namespace eventbus
