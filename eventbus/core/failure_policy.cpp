#include "eventbus/core/failure_policy.hpp"

#include <algorithm>

namespace eventbus {
namespace {

// Far beyond any use, and far from where microseconds overflow.
constexpr std::chrono::milliseconds longest_wait = std::chrono::years{10};

std::string_view reason_of(const Failure& failure) {
  if (failure.lease_ended) return "lease_expired";
  if (!failure.reason.empty()) return failure.reason;
  return failure.requeue ? "max_retries" : "rejected";
}

}  // namespace

FailureOutcome judge(const RetryPolicy& policy, const Failure& failure, double random) {
  if (!failure.requeue || failure.attempt > policy.max_retries) return {.wait = {}, .reason = reason_of(failure)};
  return {.wait = std::min(failure.delay.value_or(policy.wait(failure.attempt, random)), longest_wait), .reason = {}};
}

}  // namespace eventbus
