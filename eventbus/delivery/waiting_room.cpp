#include "eventbus/delivery/waiting_room.hpp"

namespace eventbus::delivery {

bool WaitingRoom::acquire(Position position, std::uint64_t key) {
  return !ordered_ || key == 0 || keys_.acquire(key, position);
}

void WaitingRoom::take_parked(Position position, std::uint64_t key) {
  keys_.release(key, position);
  --parked_;
}

std::optional<Position> WaitingRoom::pass_on(Position position, std::uint64_t key) {
  if (!ordered_ || key == 0) return std::nullopt;
  const auto heir = keys_.release(key, position);
  if (heir) --parked_;
  return heir;
}

std::optional<Position> WaitingRoom::take_due(Timestamp now) {
  if (delayed_.empty() || delayed_.begin()->first > now) return std::nullopt;
  return delayed_.extract(delayed_.begin()).value().second;
}

std::optional<Timestamp> WaitingRoom::next_due() const {
  return delayed_.empty() ? std::nullopt : std::optional(delayed_.begin()->first);
}

}  // namespace eventbus::delivery
