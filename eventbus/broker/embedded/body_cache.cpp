#include "eventbus/broker/embedded/body_cache.hpp"

#include <algorithm>

namespace eventbus::embedded {
namespace {

std::size_t weight(const StoredEvent& stored) {
  const auto& event = *stored.event;
  constexpr std::size_t heap_overhead = 160;
  return sizeof(Event) + sizeof(StoredEvent) + heap_overhead + event.payload.size() + event.event_id.size() +
         event.cloudevent.size() + event.ordering_key.size() + event.correlation_id.size();
}

}  // namespace

void BodyCache::append(const StoredEvent& event, Position before) {
  if (tail_.empty()) tail_after_ = before;
  tail_.push_back(event);
  tail_bytes_ += weight(event);
  while (tail_bytes_ > capacity_) {
    tail_bytes_ -= weight(tail_.front());
    tail_after_ = tail_.front().position;
    tail_.pop_front();
  }
}

void BodyCache::keep(StoredEvent event) {
  const auto position = event.position;
  const auto bytes = weight(event);
  if (!kept_.emplace(position, std::move(event)).second) return;
  kept_order_.push_back(position);
  kept_bytes_ += bytes;
  while (kept_bytes_ > capacity_) {
    const auto oldest = kept_.find(kept_order_.front());
    kept_bytes_ -= weight(oldest->second);
    kept_.erase(oldest);
    kept_order_.pop_front();
  }
}

std::size_t BodyCache::tail_index(Position after) const {
  if (tail_.empty() || after < tail_.front().position) return 0;
  const auto guess = static_cast<std::size_t>(after - tail_.front().position);
  if (guess < tail_.size() && tail_[guess].position == after) return guess + 1;
  const auto place = std::ranges::upper_bound(tail_, after, {}, &StoredEvent::position);
  return static_cast<std::size_t>(place - tail_.begin());
}

const StoredEvent* BodyCache::find(Position position) const {
  if (!tail_.empty() && position >= tail_.front().position) {
    const auto index = tail_index(position - 1);
    return index < tail_.size() && tail_[index].position == position ? &tail_[index] : nullptr;
  }
  const auto kept = kept_.find(position);
  return kept == kept_.end() ? nullptr : &kept->second;
}

}  // namespace eventbus::embedded
