#include "eventbus/amqp/outstanding_deliveries.hpp"

#include <algorithm>

namespace eventbus::amqp {

void OutstandingDeliveries::reset(std::uint64_t generation) {
  generation_ = generation;
  outstanding_.clear();
  settled_ = 0;
}

void OutstandingDeliveries::delivered(std::uint64_t number) {
  outstanding_.push_back({.number = number});
}

OutstandingDeliveries::Delivery* OutstandingDeliveries::find(const DeliveryTag& tag) {
  if (tag.generation != generation_) return nullptr;
  const auto found = std::ranges::lower_bound(outstanding_, tag.number, {}, &Delivery::number);
  if (found == outstanding_.end() || found->number != tag.number || found->settled) return nullptr;
  return &*found;
}

OutstandingDeliveries::Plan OutstandingDeliveries::settle(const std::vector<DeliveryTag>& tags) {
  Plan plan;
  std::vector<std::uint64_t> numbers;
  for (const auto& tag : tags) {
    auto* delivery = find(tag);
    if (delivery == nullptr) {
      plan.unknown.push_back(tag);
      continue;
    }
    delivery->settled = true;
    ++settled_;
    numbers.push_back(tag.number);
  }
  std::uint64_t up_to = 0;
  for (; !outstanding_.empty() && outstanding_.front().settled; outstanding_.pop_front(), --settled_)
    up_to = outstanding_.front().number;
  std::ranges::sort(numbers);
  const auto rest = std::ranges::upper_bound(numbers, up_to);
  const auto covered = rest - numbers.begin();
  if (covered > 0) plan.frames.push_back({.number = *(rest - 1), .multiple = covered > 1});
  for (auto number = rest; number != numbers.end(); ++number) plan.frames.push_back({*number, false});
  return plan;
}

}  // namespace eventbus::amqp
