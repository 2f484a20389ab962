#include "eventbus/broker/conformance/broker_model.hpp"

#include <algorithm>

namespace eventbus {

void QueueModel::published(const std::string& event_id, const std::string& ordering_key) {
  places_[event_id] = entries_.size();
  entries_.push_back({.event_id = event_id,
                      .ordering_key = ordering_key,
                      .delivery_id = {},
                      .reason = {},
                      .turn = ++turns_,
                      .unanswered = {}});
}

std::string QueueModel::delivered(const Delivery& delivery, Time now) {
  const auto& id = delivery.event.event->event_id;
  const auto place = places_.find(id);
  if (place == places_.end()) return id + " was never routed to the queue";
  auto& entry = entries_[place->second];
  if (entry.state != State::ready) return id + " was delivered though it is not ready";
  if (delivery.attempt != entry.attempt) {
    return id + " came as attempt " + std::to_string(delivery.attempt) + ", not " + std::to_string(entry.attempt);
  }
  if (auto fault = order_fault(entry); !fault.empty()) return fault;
  entry.state = State::in_flight;
  entry.until = now + definition_.lease;
  entry.delivery_id = delivery.delivery_id;
  entry.out_of_order = true;
  return {};
}

std::string QueueModel::order_fault(const Entry& entry) const {
  for (const auto& other : entries_) {
    if (&other == &entry) continue;
    const bool waits = other.turn < entry.turn && other.state == State::ready && !other.out_of_order;
    if (in_order_ && !entry.out_of_order && waits && !definition_.ordered)
      return entry.event_id + " overtook " + other.event_id;
    const bool blocks = definition_.ordered && !entry.ordering_key.empty() && other.ordering_key == entry.ordering_key;
    const bool open = other.state == State::in_flight || other.state == State::delayed || waits;
    if (blocks && open) return entry.event_id + " overtook " + other.event_id + " of its key";
  }
  return {};
}

bool QueueModel::deliverable() const {
  return std::ranges::any_of(entries_, [this](const Entry& entry) {
    if (entry.state != State::ready) return false;
    if (!definition_.ordered || entry.ordering_key.empty()) return true;
    return std::ranges::none_of(entries_, [&entry](const Entry& other) {
      return other.ordering_key == entry.ordering_key &&
             (other.state == State::in_flight || other.state == State::delayed);
    });
  });
}

QueueModel::Entry* QueueModel::in_flight_as(const std::string& delivery_id) {
  const auto found = std::ranges::find_if(entries_, [&delivery_id](const Entry& entry) {
    return entry.state == State::in_flight && entry.delivery_id == delivery_id;
  });
  return found == entries_.end() ? nullptr : &*found;
}

bool QueueModel::acked(const std::string& delivery_id) {
  auto* entry = in_flight_as(delivery_id);
  if (entry != nullptr) entry->state = State::gone;
  return entry != nullptr;
}

void QueueModel::fail(Entry& entry, Time delay, const std::string& reason, Time now) {
  entry.unanswered.clear();
  if (entry.attempt > definition_.retry.max_retries) {
    entry.state = State::dead;
    entry.reason = reason;
    return;
  }
  ++entry.attempt;
  entry.state = delay.count() > 0 ? State::delayed : State::ready;
  entry.until = now + delay;
}

bool QueueModel::nacked(const std::string& delivery_id, bool requeue, Time delay, const std::string& reason, Time now) {
  auto* entry = in_flight_as(delivery_id);
  if (entry == nullptr) return false;
  if (requeue) {
    fail(*entry, delay, reason.empty() ? "max_retries" : reason, now);
  } else {
    entry->unanswered.clear();
    entry->state = State::dead;
    entry->reason = reason.empty() ? "rejected" : reason;
  }
  return true;
}

bool QueueModel::given_back(const std::string& delivery_id) {
  auto* entry = in_flight_as(delivery_id);
  if (entry == nullptr) return false;
  entry->state = State::ready;
  entry->unanswered.push_back(delivery_id);
  return true;
}

bool QueueModel::extended(const std::string& delivery_id, Time lease, Time now) {
  auto* entry = in_flight_as(delivery_id);
  if (entry != nullptr) entry->until = now + lease;
  return entry != nullptr;
}

void QueueModel::advance(Time now) {
  for (auto& entry : entries_) {
    if (entry.state == State::in_flight && entry.until <= now) fail(entry, Time{}, "lease_expired", now);
    if (entry.state == State::delayed && entry.until <= now) entry.state = State::ready;
  }
}

void QueueModel::lost(const std::vector<std::string>& delivery_ids) {
  for (const auto& id : delivery_ids) given_back(id);
}

bool QueueModel::acked_late(const std::string& delivery_id) {
  const auto found = std::ranges::find_if(entries_, [&delivery_id](const Entry& entry) {
    const bool waits = entry.state == State::ready || entry.state == State::in_flight;
    return waits && std::ranges::find(entry.unanswered, delivery_id) != entry.unanswered.end();
  });
  if (found == entries_.end()) return false;
  found->state = State::gone;
  return true;
}

std::uint64_t QueueModel::purged() {
  std::uint64_t gone = 0;
  for (auto& entry : entries_) {
    const bool waits = entry.state == State::ready || entry.state == State::delayed;
    if (!waits) continue;
    entry.state = State::gone;
    ++gone;
  }
  return gone;
}

std::uint64_t QueueModel::redriven(const std::string& reason) {
  std::uint64_t moved = 0;
  ++turns_;
  for (auto& entry : entries_) {
    if (entry.state != State::dead || (!reason.empty() && entry.reason != reason)) continue;
    entry.state = State::ready;
    entry.attempt = 1;
    entry.turn = turns_;
    entry.out_of_order = false;
    ++moved;
  }
  return moved;
}

std::uint64_t QueueModel::deleted(const std::string& reason) {
  std::uint64_t gone = 0;
  for (auto& entry : entries_) {
    if (entry.state != State::dead || (!reason.empty() && entry.reason != reason)) continue;
    entry.state = State::gone;
    ++gone;
  }
  return gone;
}

std::uint64_t QueueModel::count(State state) const {
  return static_cast<std::uint64_t>(std::ranges::count(entries_, state, &Entry::state));
}

std::uint64_t QueueModel::dead(const std::string& reason) const {
  return static_cast<std::uint64_t>(std::ranges::count_if(entries_, [&reason](const Entry& entry) {
    return entry.state == State::dead && (reason.empty() || entry.reason == reason);
  }));
}

std::vector<std::string> QueueModel::dead_letters() const {
  std::vector<std::string> letters;
  for (const auto& entry : entries_) {
    if (entry.state != State::dead) continue;
    letters.push_back(entry.event_id + " " + entry.reason + " " + std::to_string(entry.attempt));
  }
  std::ranges::sort(letters);
  return letters;
}

std::vector<std::string> QueueModel::open_deliveries() const {
  std::vector<std::string> ids;
  for (const auto& entry : entries_) {
    if (entry.state == State::in_flight) ids.push_back(entry.delivery_id);
  }
  return ids;
}

}  // namespace eventbus
