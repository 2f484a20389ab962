#include "eventbus/broker/embedded/delivery_id.hpp"

#include <array>
#include <charconv>

namespace eventbus::embedded {
namespace {

constexpr int hexadecimal = 16;

template <class Number>
bool read_number(std::string_view& text, Number& number) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, hexadecimal);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  number = static_cast<Number>(value);
  return number >= 0 && static_cast<std::uint64_t>(number) == value;
}

bool read_dash(std::string_view& text) {
  if (!text.starts_with('-')) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::string encode(const DeliveryId& id) {
  std::array<char, 80> buffer{};
  auto* const last = buffer.data() + buffer.size();
  auto* end = std::to_chars(buffer.data(), last, static_cast<std::uint64_t>(id.queue), hexadecimal).ptr;
  *end++ = '-';
  end = std::to_chars(end, last, static_cast<std::uint64_t>(id.position), hexadecimal).ptr;
  *end++ = '-';
  end = std::to_chars(end, last, id.attempt, hexadecimal).ptr;
  if (id.life == 0) return {buffer.data(), end};
  *end++ = '-';
  end = std::to_chars(end, last, id.life, hexadecimal).ptr;
  return {buffer.data(), end};
}

std::optional<DeliveryId> parse_delivery_id(std::string_view text) {
  DeliveryId id;
  const bool read = read_number(text, id.queue) && read_dash(text) && read_number(text, id.position) &&
                    read_dash(text) && read_number(text, id.attempt);
  if (!read) return std::nullopt;
  if (text.empty()) return id;
  if (!read_dash(text) || !read_number(text, id.life) || !text.empty() || id.life == 0) return std::nullopt;
  return id;
}

}  // namespace eventbus::embedded
