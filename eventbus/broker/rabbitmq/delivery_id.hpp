#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace eventbus::rabbitmq {

/// A running instance of the service, among those that share a database. Drawn at random when it starts.
using InstanceId = std::uint64_t;

/// What a delivery id stands for: which instance holds the message, and under which number
/// there, another one for each of 256 attempts.
struct DeliveryId {
  InstanceId instance = 0;
  std::uint64_t number = 0;
  bool operator==(const DeliveryId&) const = default;
};

std::string encode(const DeliveryId& id);
/// None when the text is not what `encode` makes.
std::optional<DeliveryId> parse_delivery_id(std::string_view text);

}  // namespace eventbus::rabbitmq
