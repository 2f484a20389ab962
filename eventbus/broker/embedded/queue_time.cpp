// What time does to a queue's events: leases end, retries fall due, events expire; and queues that grew too long.
#include <algorithm>

#include "eventbus/broker/embedded/queue_state.hpp"

namespace eventbus::embedded {

void QueueState::tick(Timestamp now) {
  end_leases(now);
  wake_delayed(now);
  expire(now);
  enforce_length(now);
}

void QueueState::end_leases(Timestamp now) {
  for (const auto& [id, positions] : leases_.take_ended(now)) {
    for (const auto position : positions) {
      const auto place = tracked_.find(position);
      if (place == tracked_.end()) continue;
      auto& tracked = place->second;
      if (tracked.phase != Phase::in_flight || tracked.lease != id) continue;
      if (tracked.attempt <= definition_.retry.max_retries) {
        retry(position, tracked, std::nullopt, now);
      } else {
        die(position, tracked, "lease_expired", now);
      }
      pending_.back().lease_ended = true;
    }
  }
}

void QueueState::wake_delayed(Timestamp now) {
  while (!delayed_.empty() && delayed_.begin()->first <= now) {
    const auto position = delayed_.begin()->second;
    delayed_.erase(delayed_.begin());
    make_ready(position, tracked_.find(position)->second);
  }
}

bool QueueState::expired(Timestamp stored_at, Timestamp now) const {
  return definition_.message_ttl && stored_at + *definition_.message_ttl <= now;
}

void QueueState::expire(Timestamp now) {
  if (!definition_.message_ttl || purging_) return;
  while (!window_.empty() && expired(window_.front().stored_at, now)) {
    const auto place = track(window_.front());
    window_.pop_front();
    die(place->first, place->second, "expired", now);
  }
  while (!ready_.empty()) {
    const auto place = tracked_.find(*ready_.begin());
    if (!expired(place->second.stored_at, now)) break;
    die(place->first, place->second, "expired", now);
  }
}

void QueueState::enforce_length(Timestamp now) {
  if (!definition_.max_length || definition_.overflow != Overflow::drop_oldest || purging_) return;
  while (ready() > *definition_.max_length) {
    const auto oldest = take_oldest();
    if (oldest == tracked_.end()) return;
    die(oldest->first, oldest->second, "max_length", now);
  }
}

QueueState::TrackedMap::iterator QueueState::take_oldest() {
  if (!window_.empty() && (ready_.empty() || window_.front().position < *ready_.begin())) {
    const auto place = track(window_.front());
    window_.pop_front();
    return place;
  }
  if (!ready_.empty()) return tracked_.find(*ready_.begin());
  auto oldest = tracked_.end();
  if (parked_ == 0) return oldest;
  for (auto place = tracked_.begin(); place != tracked_.end(); ++place) {
    if (place->second.phase != Phase::parked) continue;
    if (oldest == tracked_.end() || place->first < oldest->first) oldest = place;
  }
  return oldest;
}

std::optional<Timestamp> QueueState::next_due() const {
  auto due = leases_.next_end();
  const auto consider = [&due](Timestamp time) { due = std::min(due.value_or(time), time); };
  if (!delayed_.empty()) consider(delayed_.begin()->first);
  if (!definition_.message_ttl || purging_) return due;
  if (!window_.empty()) consider(window_.front().stored_at + *definition_.message_ttl);
  if (!ready_.empty()) consider(tracked_.find(*ready_.begin())->second.stored_at + *definition_.message_ttl);
  return due;
}

}  // namespace eventbus::embedded
