#include "eventbus/broker/rabbitmq/names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstdint>

#include "eventbus/core/fnv1a.hpp"

namespace eventbus::rabbitmq {
namespace {

constexpr std::size_t longest_name = 255;  ///< AMQP's short string.

}  // namespace

std::string dead_letter_exchange(std::string_view exchange) {
  return std::string(exchange) + ".dlx";
}

std::string dead_letter_queue(std::string_view queue) {
  return std::string(queue) + ".dlq";
}

std::string retry_queue(std::string_view queue, std::chrono::milliseconds delay) {
  auto name = std::string(queue) + ".retry." + std::to_string(delay.count());
  return name.size() <= longest_name ? name : fmt::format("{:016x}.retry.{}", fnv1a(queue), delay.count());
}

std::chrono::milliseconds retry_step(std::chrono::milliseconds delay) {
  constexpr std::uint64_t steps = 8;
  const auto wanted = static_cast<std::uint64_t>(std::max<std::int64_t>(delay.count(), 1));
  const auto step = std::max<std::uint64_t>(std::bit_floor(wanted) / steps, 1);
  return std::chrono::milliseconds{static_cast<std::int64_t>((wanted + step - 1) / step * step)};
}

std::chrono::milliseconds jittered_step(std::chrono::milliseconds delay) {
  const auto wanted = static_cast<std::uint64_t>(std::max<std::int64_t>(delay.count(), 1));
  const auto octave = std::bit_floor(wanted);
  const auto step = octave + octave / 2 <= wanted ? octave + octave / 2 : octave;
  return std::chrono::milliseconds{static_cast<std::int64_t>(step)};
}

}  // namespace eventbus::rabbitmq
