#include "eventbus/runtime/circuit_breaker.hpp"

#include <limits>

namespace eventbus {
namespace {

void count(std::uint32_t& counter) {
  if (counter < std::numeric_limits<std::uint32_t>::max()) ++counter;
}

}  // namespace

bool CircuitBreaker::allow(Time now) {
  if (state_ == State::closed) return true;
  if (held_open_ || probing_ || (state_ == State::open && now < next_probe_)) return false;
  state_ = State::half_open;
  probing_ = true;
  return true;
}

void CircuitBreaker::succeeded() {
  if (!held_open_) reset();
}

void CircuitBreaker::failed(Time now, double random) {
  probing_ = false;
  count(failures_);
  const bool probe_failed = state_ == State::half_open;
  if (held_open_ || state_ == State::open || (!probe_failed && failures_ < settings_.failure_threshold)) return;
  count(openings_);
  state_ = State::open;
  // At least half of the time: a full jitter may be no wait at all.
  next_probe_ = now + (settings_.cool_down.ceiling(openings_) + settings_.cool_down.wait(openings_, random)) / 2;
}

void CircuitBreaker::open() {
  state_ = State::open;
  held_open_ = true;
  probing_ = false;
}

void CircuitBreaker::close() {
  state_ = State::closed;
  failures_ = 0;
  held_open_ = false;
  probing_ = false;
}

void CircuitBreaker::reset() {
  close();
  openings_ = 0;
}

std::optional<CircuitBreaker::Time> CircuitBreaker::next_probe() const {
  return state_ == State::open && !held_open_ ? std::optional(next_probe_) : std::nullopt;
}

}  // namespace eventbus
