#include "eventbus/library/deduplicator.hpp"

#include <algorithm>

namespace eventbus {

Deduplicator::Deduplicator(std::size_t capacity) : capacity_(std::max<std::size_t>(capacity, 1)) {}

bool Deduplicator::contains(std::string_view event_id) const {
  const std::lock_guard lock(mutex_);
  return ids_.contains(event_id);
}

bool Deduplicator::remember(std::string_view event_id) {
  const std::lock_guard lock(mutex_);
  if (ids_.contains(event_id)) return false;
  ids_.insert(by_age_.emplace_back(event_id));
  if (by_age_.size() > capacity_) {
    ids_.erase(by_age_.front());
    by_age_.pop_front();
  }
  return true;
}

std::size_t Deduplicator::size() const {
  const std::lock_guard lock(mutex_);
  return by_age_.size();
}

}  // namespace eventbus
