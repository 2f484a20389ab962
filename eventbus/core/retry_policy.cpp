#include "eventbus/core/retry_policy.hpp"

#include <algorithm>
#include <cmath>
#include <random>

namespace eventbus {

double random_fraction() {
  thread_local std::mt19937_64 engine{std::random_device{}()};
  return std::uniform_real_distribution<double>{0.0, 1.0}(engine);
}

std::chrono::milliseconds RetryPolicy::ceiling(std::uint32_t failed_attempts) const {
  const double exponent = failed_attempts == 0 ? 0.0 : static_cast<double>(failed_attempts) - 1.0;
  const double unbounded = static_cast<double>(delay.count()) * std::pow(backoff, exponent);
  // A zero delay times an infinite power is not a number; it counts as no wait.
  if (!(unbounded > 0)) return std::chrono::milliseconds{0};
  if (unbounded >= static_cast<double>(max_delay.count())) return max_delay;
  return std::chrono::milliseconds{static_cast<std::int64_t>(unbounded)};
}

std::chrono::milliseconds RetryPolicy::wait(std::uint32_t failed_attempts, double random) const {
  const double span = static_cast<double>(ceiling(failed_attempts).count());
  return std::chrono::milliseconds{static_cast<std::int64_t>(span * std::clamp(random, 0.0, 1.0))};
}

}  // namespace eventbus
