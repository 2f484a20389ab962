#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "eventbus/broker/broker.hpp"

namespace eventbus::delivery {

/// How many places of a queue are reserved by admissions that are still held.
using Reserved = std::shared_ptr<std::uint64_t>;
inline Reserved none_reserved() {
  return std::make_shared<std::uint64_t>(0);
}

/// A queue that refuses what is more than it may hold.
struct LimitedQueue {
  std::string_view name;
  std::uint64_t max_length = 0;
  std::uint64_t waiting = 0;
  Reserved reserved;
};

/// Whether the queue refuses what is more than its max_length, rather than dropping its oldest.
bool refuses(const QueueDefinition& definition);
/// How many more events the queue takes.
std::uint64_t room(const QueueDefinition& definition, const LimitedQueue& queue);
/// Reserves `count` places, also where there are fewer.
std::unique_ptr<Admission> reserve(std::vector<LimitedQueue> queues, std::uint64_t count);
/// Reserves `count` places in each of the queues, or none: `queue_full` names the first that has too few. Null for no
/// queues.
Result<std::unique_ptr<Admission>> admit(std::vector<LimitedQueue> queues, std::uint64_t count);

}  // namespace eventbus::delivery
