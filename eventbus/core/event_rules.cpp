#include "eventbus/core/event_rules.hpp"

#include <algorithm>
#include <array>

#include "eventbus/core/json_text.hpp"
#include "eventbus/core/queue_name.hpp"

namespace eventbus {
namespace {

/// What AMQP's short string holds.
constexpr std::size_t longest_topic_bytes = 255;

struct CodePoints {
  char32_t first;
  char32_t last;
};

/// Beyond ASCII: control characters, white space, and what is invisible by itself (Unicode 15). The joiners U+200C and
/// U+200D are part of words and emoji.
constexpr std::array unprintable = {CodePoints{0x80, 0xA0},     CodePoints{0xAD, 0xAD},     CodePoints{0x1680, 0x1680},
                                    CodePoints{0x180E, 0x180E}, CodePoints{0x2000, 0x200B}, CodePoints{0x200E, 0x200F},
                                    CodePoints{0x2028, 0x202F}, CodePoints{0x205F, 0x206F}, CodePoints{0x3000, 0x3000},
                                    CodePoints{0xFEFF, 0xFEFF}, CodePoints{0xFFF9, 0xFFFB}};

bool is_unprintable(char32_t c) {
  return std::ranges::any_of(unprintable, [c](const CodePoints& range) { return c >= range.first && c <= range.last; });
}

/// Takes the first character, beyond ASCII, off the front of valid UTF-8 (of other text something).
char32_t take_character(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t length = std::min(text.size(), lead < 0xE0   ? std::size_t{2}
                                                   : lead < 0xF0 ? std::size_t{3}
                                                                 : std::size_t{4});
  char32_t c = lead & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) c = c << 6U | (static_cast<unsigned char>(text[i]) & 0x3FU);
  text.remove_prefix(length);
  return c;
}

/// Neither control characters nor space.
bool is_visible(std::string_view text) {
  while (!text.empty()) {
    if (const auto c = static_cast<unsigned char>(text.front()); c < 0x80) {
      if (c <= 0x20 || c == 0x7F) return false;
      text.remove_prefix(1);
    } else if (is_unprintable(take_character(text))) {
      return false;
    }
  }
  return true;
}

bool is_dotted_words(std::string_view text) {
  if (text.size() > longest_topic_bytes) return false;
  while (true) {
    const auto dot = text.find('.');
    if (!is_topic_word(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
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

bool is_topic_word(std::string_view word) {
  return !word.empty() && word != "*" && word != "#" && is_visible(word);
}

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
  return is_dotted_words(text)
             ? ""
             : "must be words joined by single dots, 1 to 255 bytes of printable UTF-8 without spaces, no "
               "word just * or #";
}

std::string_view routing_key_fault(std::string_view text) {
  return event_type_fault(text);
}

std::string_view exchange_fault(std::string_view text) {
  if (text.starts_with("amq.")) return "must not begin with amq., which RabbitMQ keeps for itself";
  if (names_dead_letters(text)) return "must not end in .dlx, which is where dead letters are published";
  const bool valid = !text.empty() && text.size() <= 127 && consists_of(text, "_.:-");
  return valid ? "" : "must have 1 to 127 characters of A-Z, a-z, 0-9, _, ., : and -";
}

}  // namespace eventbus
