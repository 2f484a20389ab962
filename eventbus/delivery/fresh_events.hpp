#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "eventbus/delivery/settlement.hpp"

namespace eventbus::delivery {

/// Where the events of one queue come from that it has not handed out before, oldest first. Immediate; for the
/// event-loop thread.
class FreshEvents {
 public:
  virtual ~FreshEvents() = default;

  /// The oldest at hand. Null when there is none, or while all of them are purged. Valid until the next call.
  virtual const Routed* front() const = 0;
  /// Nothing stored up to there comes any more that is not at hand.
  virtual Position reached() const = 0;
  /// Takes it: the queue answers for it from now on.
  virtual Routed pop() = 0;
  /// Takes one by its position; none when it is not at hand.
  virtual std::optional<Routed> pick(Position position) = 0;
  virtual std::size_t at_hand() const = 0;
  /// At hand and further away.
  virtual std::uint64_t waiting() const = 0;
};

}  // namespace eventbus::delivery
