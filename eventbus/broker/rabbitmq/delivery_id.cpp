#include "eventbus/broker/rabbitmq/delivery_id.hpp"

#include <fmt/format.h>

#include <charconv>

namespace eventbus::rabbitmq {
namespace {

constexpr std::size_t instance_digits = 16;

bool read_number(std::string_view text, std::uint64_t& number) {
  constexpr int hexadecimal = 16;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number, hexadecimal);
  return read.ec == std::errc{} && read.ptr == text.data() + text.size();
}

}  // namespace

std::string encode(const DeliveryId& id) {
  return fmt::format("{:016x}-{:x}", id.instance, id.number);
}

std::optional<DeliveryId> parse_delivery_id(std::string_view text) {
  if (text.size() <= instance_digits + 1 || text[instance_digits] != '-') return std::nullopt;
  DeliveryId id;
  const bool read = read_number(text.substr(0, instance_digits), id.instance) &&
                    read_number(text.substr(instance_digits + 1), id.number);
  if (!read || encode(id) != text) return std::nullopt;
  return id;
}

}  // namespace eventbus::rabbitmq
