#pragma once

#include <chrono>
#include <cstdint>

namespace eventbus {

/// Exponential backoff with full jitter: attempt n (from 1) waits uniformly between 0 and
/// min(max_delay, delay × backoff^(n-1)). Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog,
/// 2015.
struct RetryPolicy {
  std::uint32_t max_retries = 3;
  std::chrono::milliseconds delay{1000};
  double backoff = 2.0;
  std::chrono::milliseconds max_delay{60000};

  /// The longest wait after the n-th failed attempt.
  std::chrono::milliseconds ceiling(std::uint32_t failed_attempts) const;
  /// The wait itself for `random` in [0, 1).
  std::chrono::milliseconds wait(std::uint32_t failed_attempts, double random) const;

  bool operator==(const RetryPolicy&) const = default;
};

/// For the jitter: uniform in [0, 1). Thread-safe.
double random_fraction();

}  // namespace eventbus
