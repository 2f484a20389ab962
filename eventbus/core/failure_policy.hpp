#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "eventbus/core/retry_policy.hpp"

namespace eventbus {

/// An attempt to handle an event that failed.
struct Failure {
  std::uint32_t attempt = 1;                            ///< From 1.
  bool requeue = true;                                  ///< False: no repetition will help.
  std::optional<std::chrono::milliseconds> delay = {};  ///< Instead of the backoff.
  std::string_view reason = {};                         ///< The consumer's own, for a dead letter.
  bool lease_ended = false;                             ///< Nobody answered.
};

/// What becomes of the event: another attempt after `wait`, or a dead letter for `reason`.
struct FailureOutcome {
  std::optional<std::chrono::milliseconds> wait;
  std::string_view reason;
};

/// After `max_retries` retries, or without requeue, it is dead. `random` in [0, 1) is for the jitter. The reason is the
/// failure's own or a constant.
FailureOutcome judge(const RetryPolicy& policy, const Failure& failure, double random);

}  // namespace eventbus
