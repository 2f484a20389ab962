#include "eventbus/bus/recent_appends.hpp"

#include <algorithm>
#include <iterator>

namespace eventbus {

namespace {

/// Roughly: an event's other fields and what holds them.
constexpr std::size_t event_bytes = 512;

std::size_t bytes_of(std::span<const StoredEvent> events) {
  std::size_t bytes = 0;
  for (const auto& stored : events) bytes += event_bytes + stored.event->payload.size();
  return bytes;
}

}  // namespace

void RecentAppends::add(std::span<const StoredEvent> events) {
  if (events.empty()) return;
  Append append{{events.begin(), events.end()}, bytes_of(events)};
  const auto bytes = append.bytes;
  const auto [place, added] = appends_.try_emplace(events.front().position, std::move(append));
  if (!added) return;
  bytes_ += bytes;
  while (bytes_ > most_bytes_) forget(appends_.begin());
}

bool RecentAppends::take(const OutboxEntry& entry, std::vector<StoredEvent>& events) {
  const auto append = appends_.find(entry.first);
  if (append == appends_.end() || append->second.events.back().position != entry.last) return false;
  std::ranges::copy(append->second.events, std::back_inserter(events));
  forget(append);
  return true;
}

void RecentAppends::forget(Appends::iterator append) {
  bytes_ -= append->second.bytes;
  appends_.erase(append);
}

}  // namespace eventbus
