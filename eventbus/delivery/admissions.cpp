#include "eventbus/delivery/admissions.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

namespace eventbus::delivery {
namespace {

/// Gives its places back.
class Places final : public Admission {
 public:
  Places(std::vector<LimitedQueue> queues, std::uint64_t count) : queues_(std::move(queues)), count_(count) {
    for (const auto& queue : queues_) *queue.reserved += count_;
  }
  ~Places() override {
    for (const auto& queue : queues_) *queue.reserved -= count_;
  }
  Places(const Places&) = delete;
  Places& operator=(const Places&) = delete;

 private:
  std::vector<LimitedQueue> queues_;
  std::uint64_t count_;
};

}  // namespace

bool refuses(const QueueDefinition& definition) {
  return definition.max_length.has_value() && definition.overflow == Overflow::reject;
}

std::uint64_t room(const QueueDefinition& definition, const LimitedQueue& queue) {
  if (!refuses(definition)) return std::numeric_limits<std::uint64_t>::max();
  return queue.max_length - std::min(queue.max_length, queue.waiting + *queue.reserved);
}

std::unique_ptr<Admission> reserve(std::vector<LimitedQueue> queues, std::uint64_t count) {
  for (auto& queue : queues) queue.name = {};  // held longer than the names are
  return std::make_unique<Places>(std::move(queues), count);
}

Result<std::unique_ptr<Admission>> admit(std::vector<LimitedQueue> queues, std::uint64_t count) {
  for (const auto& queue : queues) {
    if (queue.waiting + *queue.reserved + count <= queue.max_length) continue;
    return fail(ErrorCode::queue_full, "Queue '" + std::string(queue.name) + "' holds its " +
                                           std::to_string(queue.max_length) +
                                           " events. Publish again when consumers have caught up.");
  }
  if (queues.empty()) return nullptr;
  return reserve(std::move(queues), count);
}

}  // namespace eventbus::delivery
