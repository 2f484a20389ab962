#pragma once

#include <chrono>
#include <cstdint>

#include "eventbus/core/retry_policy.hpp"

namespace eventbus::postgres {

/// When to try to connect again: at once while all is well, after failures with exponential backoff and full jitter,
/// one attempt at a time. Decides only; a plain class that is given the time.
class ReconnectSchedule {
 public:
  using Time = std::chrono::steady_clock::time_point;
  explicit ReconnectSchedule(RetryPolicy policy) : policy_(policy) {}

  bool failing() const { return failures_ > 0; }
  /// Whether an attempt may begin. While failing only one may run: `begin` it, then report how it went.
  bool may_begin(Time now) const { return !failing() || (!probing_ && now >= next_); }
  void begin() { probing_ = failing(); }
  void succeeded() { failures_ = 0, probing_ = false; }
  /// `random` in [0, 1).
  void failed(Time now, double random) {
    probing_ = false;
    if (failures_ < 1000) ++failures_;
    next_ = now + policy_.wait(failures_, random);
  }
  /// The attempt was given up without a result.
  void abandoned() { probing_ = false; }
  /// When it is worth asking again; the last moment while an attempt runs.
  Time next() const { return probing_ ? Time::max() : next_; }

 private:
  RetryPolicy policy_;
  std::uint32_t failures_ = 0;
  bool probing_ = false;
  Time next_{};
};

}  // namespace eventbus::postgres
