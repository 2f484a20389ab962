#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "eventbus/delivery/settlement.hpp"

namespace eventbus::delivery {

/// What a delivery id stands for. It carries no state: any process that restored the queue understands it, and one that
/// runs on an older copy tells what it has not given by the queue and the life, or by the number of what was put in
/// again.
struct DeliveryId {
  std::int64_t queue = 0;  ///< Never used again for another queue.
  EntryId entry = 0;
  std::uint32_t attempt = 0;
  LifeId life = 0;  ///< That gave the position; 0 for what was entered again.
  bool operator==(const DeliveryId&) const = default;
};

std::string encode(const DeliveryId& id);
/// None when the text is not what `encode` makes.
std::optional<DeliveryId> parse_delivery_id(std::string_view text);

}  // namespace eventbus::delivery
