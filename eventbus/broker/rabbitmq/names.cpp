#include "eventbus/broker/rabbitmq/names.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>

namespace eventbus::rabbitmq {

std::string dead_letter_exchange(std::string_view exchange) {
  return std::string(exchange) + ".dlx";
}

std::string dead_letter_queue(std::string_view queue) {
  return std::string(queue) + ".dlq";
}

std::string retry_queue(std::string_view queue, std::chrono::milliseconds delay) {
  return std::string(queue) + ".retry." + std::to_string(delay.count());
}

std::chrono::milliseconds retry_step(std::chrono::milliseconds delay) {
  constexpr std::uint64_t steps = 8;
  const auto wanted = static_cast<std::uint64_t>(std::max<std::int64_t>(delay.count(), 1));
  if (wanted <= steps) return std::chrono::milliseconds{wanted};
  const auto step = std::bit_floor(wanted) / steps;
  return std::chrono::milliseconds{static_cast<std::int64_t>((wanted + step - 1) / step * step)};
}

}  // namespace eventbus::rabbitmq
