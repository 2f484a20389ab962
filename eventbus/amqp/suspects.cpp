#include "eventbus/amqp/suspects.hpp"

#include "eventbus/core/retry_policy.hpp"

namespace eventbus::amqp {

namespace {

constexpr RetryPolicy rests{.delay = std::chrono::seconds{1}, .max_delay = std::chrono::minutes{2}};
constexpr std::chrono::minutes forgotten_after{10};

}  // namespace

void Suspects::suspect(const std::string& queue, Time now) {
  std::erase_if(entries_, [now](const auto& entry) { return now > entry.second.until + forgotten_after; });
  auto& entry = entries_[queue];
  entry.until = now;
  // Half of it at least: a full jitter may be no rest at all.
  if (entry.times > 0) entry.until += (rests.ceiling(entry.times) + rests.wait(entry.times, random_fraction())) / 2;
  ++entry.times;
}

Suspects::Time Suspects::rests_until(const std::string& queue) const {
  const auto found = entries_.find(queue);
  return found == entries_.end() ? Time{} : found->second.until;
}

}  // namespace eventbus::amqp
