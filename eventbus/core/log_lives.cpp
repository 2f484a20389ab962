#include "eventbus/core/log_lives.hpp"

#include <algorithm>
#include <iterator>

namespace eventbus {

void LogLives::begin(LifeId life, Position after) {
  if (!lives_.empty() && lives_.back().after == after) lives_.pop_back();  // it gave nothing
  lives_.push_back({life, after});
  if (lives_.size() > most) lives_.pop_front();
}

/// The first life that gave no position up to this one.
std::deque<LogLives::Life>::const_iterator LogLives::behind(Position position) const {
  return std::ranges::lower_bound(lives_, position, {}, &Life::after);
}

LifeId LogLives::of(Position position) const {
  const auto next = behind(position);
  return next == lives_.begin() ? 0 : std::prev(next)->id;
}

bool LogLives::gave(const LogPlace& place) const {
  const auto next = behind(place.position);
  return next == lives_.begin() || std::prev(next)->id == place.life;
}

}  // namespace eventbus
