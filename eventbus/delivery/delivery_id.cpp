#include "eventbus/delivery/delivery_id.hpp"

#include <array>
#include <charconv>

namespace eventbus::delivery {
namespace {

constexpr int hexadecimal = 16;
constexpr char again_letter = 'r';

template <class Number>
bool read_number(std::string_view& text, Number& number) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, hexadecimal);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  number = static_cast<Number>(value);
  return number >= 0 && static_cast<std::uint64_t>(number) == value;
}

bool read_letter(std::string_view& text, char letter) {
  if (!text.starts_with(letter)) return false;
  text.remove_prefix(1);
  return true;
}

bool read_entry(std::string_view& text, EntryId& entry) {
  const bool again = read_letter(text, again_letter);
  if (!read_number(text, entry) || (again && entry == 0)) return false;
  if (again) entry = -entry;
  return true;
}

}  // namespace

std::string encode(const DeliveryId& id) {
  std::array<char, 80> buffer{};
  auto* const last = buffer.data() + buffer.size();
  auto* end = std::to_chars(buffer.data(), last, static_cast<std::uint64_t>(id.queue), hexadecimal).ptr;
  *end++ = '-';
  if (entered_again(id.entry)) *end++ = again_letter;
  const auto entry = entered_again(id.entry) ? -id.entry : id.entry;
  end = std::to_chars(end, last, static_cast<std::uint64_t>(entry), hexadecimal).ptr;
  *end++ = '-';
  end = std::to_chars(end, last, id.attempt, hexadecimal).ptr;
  if (id.life == 0) return {buffer.data(), end};
  *end++ = '-';
  end = std::to_chars(end, last, id.life, hexadecimal).ptr;
  return {buffer.data(), end};
}

std::optional<DeliveryId> parse_delivery_id(std::string_view text) {
  DeliveryId id;
  const bool read = read_number(text, id.queue) && read_letter(text, '-') && read_entry(text, id.entry) &&
                    read_letter(text, '-') && read_number(text, id.attempt);
  if (!read) return std::nullopt;
  if (text.empty()) return id;
  if (!read_letter(text, '-') || !read_number(text, id.life) || !text.empty()) return std::nullopt;
  if (id.life == 0 || entered_again(id.entry)) return std::nullopt;
  return id;
}

}  // namespace eventbus::delivery
