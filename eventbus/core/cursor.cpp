#include "eventbus/core/cursor.hpp"

#include <charconv>
#include <cstdint>
#include <limits>

namespace eventbus {
namespace {

void append_hex(std::string& out, std::int64_t value) {
  char buffer[16];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, static_cast<std::uint64_t>(value), 16).ptr;
  out.append(buffer, static_cast<std::size_t>(end - buffer));
}

/// Accepts only what `append_hex` writes, so that one place has one cursor.
std::optional<std::int64_t> read_hex(std::string_view text) {
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  if (text.find_first_not_of("0123456789abcdef") != std::string_view::npos) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The part before the next '-', which is taken off `text`; the rest when there is none.
std::string_view next_part(std::string_view& text) {
  const std::size_t dash = std::min(text.find('-'), text.size());
  const std::string_view part = text.substr(0, dash);
  text.remove_prefix(std::min(dash + 1, text.size()));
  return part;
}

bool listed(std::string_view text) {
  return text.starts_with("la") || text.starts_with("ld");
}

/// A place's last part. Left out in life 0: the text is that of versions which knew no lives.
void append_life(std::string& out, LifeId life) {
  if (life == 0) return;
  out += '-';
  append_hex(out, static_cast<std::int64_t>(life));
}

std::optional<LifeId> read_life(std::string_view text) {
  if (text.empty()) return LifeId{0};
  const auto life = read_hex(text);
  return life && *life > 0 ? std::optional(static_cast<LifeId>(*life)) : std::nullopt;
}

}  // namespace

void append_place(std::string& out, const LogPlace& place) {
  out += 'p';
  append_hex(out, place.position);
  append_life(out, place.life);
}

std::string encode(const LogPlace& place) {
  std::string text;
  append_place(text, place);
  return text;
}

std::string encode(const ListingCursor& cursor) {
  std::string text = cursor.descending ? "ld" : "la";
  append_hex(text, (cursor.timestamp - first_moment).count());
  text += '-';
  append_hex(text, cursor.position);
  text += '-';
  append_hex(text, cursor.snapshot);
  append_life(text, cursor.life);
  return text;
}

std::optional<ListingCursor> decode_listing(std::string_view text) {
  if (!listed(text) || text.ends_with('-')) return std::nullopt;
  const bool descending = text[1] == 'd';
  text.remove_prefix(2);
  const auto micros = read_hex(next_part(text));
  const auto position = read_hex(next_part(text));
  const auto snapshot = read_hex(next_part(text));
  const auto life = read_life(text);
  if (!micros || !position || !snapshot || !life) return std::nullopt;
  if (*micros >= (past_last_moment - first_moment).count()) return std::nullopt;
  return ListingCursor{first_moment + std::chrono::microseconds{*micros}, *position, *snapshot, descending, *life};
}

std::optional<LogPlace> decode_place(std::string_view text) {
  if (const auto listing = decode_listing(text)) return listing->end();
  if (!text.starts_with('p') || text.ends_with('-')) return std::nullopt;
  text.remove_prefix(1);
  const auto position = read_hex(next_part(text));
  const auto life = read_life(text);
  return position && life ? std::optional(LogPlace{*position, *life}) : std::nullopt;
}

std::string encode(const DeadLetterCursor& cursor) {
  auto text = encode(cursor.place);
  if (cursor.number == 0) return text;
  text += '.';
  append_hex(text, cursor.number);
  return text;
}

std::optional<DeadLetterCursor> decode_dead_letter(std::string_view text) {
  const auto dot = std::min(text.find('.'), text.size());
  const auto place = text.starts_with('p') ? decode_place(text.substr(0, dot)) : std::nullopt;
  const auto number = dot == text.size() ? std::optional<std::int64_t>(0) : read_hex(text.substr(dot + 1));
  if (!place || !number || *number < 0 || (*number == 0 && dot != text.size())) return std::nullopt;
  return DeadLetterCursor{*place, *number};
}

}  // namespace eventbus
