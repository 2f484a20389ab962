#include "eventbus/core/json_fault.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "eventbus/core/canonical_json.hpp"
#include "eventbus/core/json_text.hpp"

namespace eventbus {
namespace {

using JsonError = boost::json::error;

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

TextPlace place_of(const JsonFault& fault, std::size_t offset) {
  const std::string_view before = fault.source.substr(0, offset);
  const std::size_t newline = before.rfind('\n');
  if (newline == std::string_view::npos) return {fault.origin.line, fault.origin.column + count_characters(before)};
  const auto lines = static_cast<std::size_t>(std::ranges::count(before, '\n'));
  return {fault.origin.line + lines, count_characters(before.substr(newline + 1)) + 1};
}

DescribedFault malformed_at(const TextPlace& place, std::string_view problem) {
  return {{ErrorCode::malformed_json, fmt::format("Line {}, column {}: {}.", place.line, place.column, problem)},
          place};
}

bool is_high_surrogate_escape(std::string_view text) {
  return text.size() == 6 && text.starts_with("\\u") && (text[2] == 'd' || text[2] == 'D') &&
         std::string_view("89abAB").find(text[3]) != std::string_view::npos;
}

/// The parser reports a high surrogate that is followed by anything but an escape as a plain syntax error, at that
/// place or one behind the backslash found there.
bool follows_high_surrogate(std::string_view before) {
  const auto last_six = [](std::string_view text) {
    return text.substr(text.size() - std::min<std::size_t>(text.size(), 6));
  };
  return is_high_surrogate_escape(last_six(before)) ||
         (before.ends_with('\\') && is_high_surrogate_escape(last_six(before.substr(0, before.size() - 1))));
}

bool is_lone_surrogate(const JsonFault& fault) {
  if (fault.code == JsonError::illegal_leading_surrogate || fault.code == JsonError::illegal_trailing_surrogate)
    return true;
  return fault.code != JsonError::incomplete && follows_high_surrogate(fault.source.substr(0, fault.offset));
}

std::string found_at(std::string_view source, std::size_t offset) {
  if (offset >= source.size()) return "the text ends too early";
  const auto c = static_cast<unsigned char>(source[offset]);
  if (c == '\'') return "unexpected \"'\"; strings stand in double quotes";
  if (c == '/') return "unexpected '/'; JSON has no comments";
  if (c < 0x20 || c == 0x7F) return fmt::format("unexpected control character U+{:04X}", c);
  if (c >= 0x80) return "unexpected character";
  return fmt::format("unexpected '{}'", static_cast<char>(c));
}

std::string syntax_problem(const JsonFault& fault) {
  const std::string_view before = fault.source.substr(0, fault.offset);
  if (fault.code == JsonError::extra_data) return "something follows the JSON value";
  if (fault.code == JsonError::incomplete) return "the text ends too early";
  if (fault.code == JsonError::expected_hex_digit) return "\\u needs four hexadecimal digits";
  const bool closes =
      fault.offset < fault.source.size() && (fault.source[fault.offset] == '}' || fault.source[fault.offset] == ']');
  const std::size_t previous = before.find_last_not_of(" \t\r\n");
  if (closes && previous != std::string_view::npos && before[previous] == ',') return "a comma stands before the end";
  return found_at(fault.source, fault.offset);
}

DescribedFault malformed(const JsonFault& fault) {
  if (fault.source.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    return malformed_at(fault.origin, "the body is empty; a JSON document is expected");
  }
  if (fault.source.starts_with(byte_order_mark)) {
    return malformed_at(fault.origin, "a byte order mark is not allowed; send UTF-8 without it");
  }
  return malformed_at(place_of(fault, fault.offset), syntax_problem(fault));
}

DescribedFault invalid(const JsonFault& fault, std::size_t offset, std::string_view problem) {
  const TextPlace place = place_of(fault, offset);
  const std::string message = fmt::format("{} (line {}, column {})", problem, place.line, place.column);
  return {{ErrorCode::invalid, fmt::format("{}: {}.", fault.field, message), {{fault.field, message}}}, place};
}

}  // namespace

DescribedFault describe_json_fault(const JsonFault& fault) {
  const std::size_t bad_utf8 =
      find_invalid_utf8(fault.source.substr(0, std::min(fault.offset + 4, fault.source.size())));
  const bool cut_by_window = bad_utf8 != std::string_view::npos && bad_utf8 > fault.offset;
  if (bad_utf8 != std::string_view::npos && !cut_by_window) return invalid(fault, bad_utf8, "is not valid UTF-8");
  if (fault.refusal == JsonRefusal::nul_character)
    return invalid(fault, fault.offset, "holds a NUL character (\\u0000), which can not be stored");
  if (fault.refusal == JsonRefusal::number_out_of_range || fault.code == JsonError::exponent_overflow) {
    return invalid(fault, fault.offset,
                   "holds a number with more than 131072 digits before or 16383 after the decimal point");
  }
  if (is_lone_surrogate(fault))
    return invalid(fault, fault.offset, "holds half of a surrogate pair, which is no character");
  if (fault.code == JsonError::too_deep) {
    return invalid(fault, fault.offset, fmt::format("is nested deeper than {} levels", max_json_depth));
  }
  return malformed(fault);
}

}  // namespace eventbus
