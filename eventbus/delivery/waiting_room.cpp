#include "eventbus/delivery/waiting_room.hpp"

namespace eventbus::delivery {

bool WaitingRoom::acquire(Position position, std::uint64_t key) {
  return !ordered_ || key == 0 || keys_.acquire(key, position);
}

void WaitingRoom::put_ready(Position position) {
  all_.insert(position);
  ready_.insert(position);
}

void WaitingRoom::put_parked(Position position) {
  all_.insert(position);
  ++parked_;
}

void WaitingRoom::put_delayed(Position position, Timestamp due) {
  all_.insert(position);
  delayed_.emplace(due, position);
}

void WaitingRoom::take_ready(Position position) {
  all_.erase(position);
  ready_.erase(position);
}

void WaitingRoom::take_parked(Position position) {
  all_.erase(position);
  --parked_;
}

void WaitingRoom::take_delayed(Position position, Timestamp due) {
  all_.erase(position);
  delayed_.erase({due, position});
}

std::optional<Position> WaitingRoom::pass_on(Position position, std::uint64_t key) {
  if (!ordered_ || key == 0) return std::nullopt;
  return keys_.release(key, position);
}

std::optional<Position> WaitingRoom::take_due(Timestamp now) {
  if (delayed_.empty() || delayed_.begin()->first > now) return std::nullopt;
  const auto position = delayed_.extract(delayed_.begin()).value().second;
  all_.erase(position);
  return position;
}

std::optional<Timestamp> WaitingRoom::next_due() const {
  return delayed_.empty() ? std::nullopt : std::optional(delayed_.begin()->first);
}

}  // namespace eventbus::delivery
