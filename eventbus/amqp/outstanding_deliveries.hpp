#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "eventbus/amqp/message.hpp"

namespace eventbus::amqp {

/// One basic.ack or basic.nack: one delivery, or all that are outstanding up to it.
struct SettlementFrame {
  std::uint64_t number;
  bool multiple;
  bool operator==(const SettlementFrame&) const = default;
};

/// The deliveries of a channel that were neither acknowledged nor rejected. Turns sets of tags into as few frames as
/// possible, and keeps back tags that the server would punish by closing the channel: those of an older opening, those
/// settled before, and those never delivered. A plain class for one thread.
class OutstandingDeliveries {
 public:
  struct Plan {
    std::vector<SettlementFrame> frames;  ///< In ascending order.
    std::vector<DeliveryTag> unknown;     ///< In the order given.
  };

  /// The channel was opened anew: what was outstanding is the server's again.
  void reset(std::uint64_t generation);
  /// Numbers come in ascending order.
  void delivered(std::uint64_t number);
  /// `tags` are outstanding no more.
  Plan settle(const std::vector<DeliveryTag>& tags);

  std::size_t size() const { return outstanding_.size() - settled_; }

 private:
  struct Delivery {
    std::uint64_t number;
    bool settled = false;
  };

  Delivery* find(const DeliveryTag& tag);

  std::uint64_t generation_ = 0;
  std::deque<Delivery> outstanding_;  ///< Ascending; the front is never settled.
  std::size_t settled_ = 0;
};

}  // namespace eventbus::amqp
