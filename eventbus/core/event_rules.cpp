#include "eventbus/core/event_rules.hpp"

#include <algorithm>

#include "eventbus/core/json_text.hpp"

namespace eventbus {
namespace {

bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

/// Words of [A-Za-z0-9_-] joined by '.', 1 to 255 characters.
bool is_dotted_words(std::string_view text) {
  if (text.empty() || text.size() > 255) return false;
  bool word_begins = true;
  for (const char c : text) {
    if (is_word_character(c)) {
      word_begins = false;
    } else if (c != '.' || word_begins) {
      return false;
    } else {
      word_begins = true;
    }
  }
  return !word_begins;
}

bool is_ascii_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

/// U+0080 to U+009F, the control characters beyond ASCII: C2 80 to C2 9F.
bool has_c1_control(std::string_view text) {
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] == '\xC2' && static_cast<unsigned char>(text[i + 1]) < 0xA0) return true;
  }
  return false;
}

}  // namespace

bool is_plain_text(std::string_view text, std::size_t longest) {
  if (text.empty() || std::ranges::any_of(text, is_ascii_control)) return false;
  if (text.size() > longest && count_characters(text) > longest) return false;
  return !has_c1_control(text);
}

bool consists_of(std::string_view text, std::string_view others) {
  return std::ranges::all_of(text, [others](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
           others.find(c) != std::string_view::npos;
  });
}

std::string_view event_id_fault(std::string_view text) {
  return is_plain_text(text, 255) ? "" : "must have 1 to 255 characters, none of them a control character";
}

std::string_view correlation_id_fault(std::string_view text) {
  return event_id_fault(text);
}

std::string_view ordering_key_fault(std::string_view text) {
  return is_plain_text(text, 1024) ? "" : "must have 1 to 1024 characters, none of them a control character";
}

std::string_view event_type_fault(std::string_view text) {
  return is_dotted_words(text) ? ""
                               : "must be words of A-Z, a-z, 0-9, _ and - joined by single dots, 1 to 255 characters";
}

std::string_view routing_key_fault(std::string_view text) {
  return event_type_fault(text);
}

std::string_view exchange_fault(std::string_view text) {
  if (text.starts_with("amq.")) return "must not begin with amq., which RabbitMQ keeps for itself";
  const bool valid = !text.empty() && text.size() <= 127 && consists_of(text, "_.:-");
  return valid ? "" : "must have 1 to 127 characters of A-Z, a-z, 0-9, _, ., : and -";
}

}  // namespace eventbus
