#include "eventbus/store/conformance/memory_event_store.hpp"

#include <algorithm>
#include <tuple>

#include "eventbus/core/topic.hpp"
#include "eventbus/store/page_budget.hpp"

namespace eventbus {
namespace {

using Place = std::tuple<Timestamp, Position>;

Place place_of(const StoredEvent& stored) {
  return {stored.event->timestamp, stored.position};
}

bool type_matches(const std::string& pattern, const Event& event) {
  return pattern.empty() || topic_matches(pattern, event.event_type);
}

bool selected(const EventQuery& query, const Event& event) {
  return (!query.start_time || event.timestamp >= *query.start_time) &&
         (!query.end_time || event.timestamp <= *query.end_time) && type_matches(query.event_type, event) &&
         (query.ordering_key.empty() || event.ordering_key == query.ordering_key) &&
         (query.correlation_id.empty() || event.correlation_id == query.correlation_id) &&
         (!query.payload || query.payload->contained_in(event.payload));
}

bool beyond(const EventQuery& query, const StoredEvent& stored) {
  if (!query.cursor) return true;
  const Place cursor{query.cursor->timestamp, query.cursor->position};
  return query.descending ? place_of(stored) < cursor : place_of(stored) > cursor;
}

}  // namespace

Appended MemoryEventStore::append_draft(const EventDraft& draft) {
  const auto [place, is_new] = by_id_.emplace(draft.event->event_id, head() + 1);
  if (is_new) {
    log_.push_back({place->second, now(), draft.event});
    return {AppendStatus::stored, log_.back()};
  }
  const auto& stored = log_.at(static_cast<std::size_t>(place->second - 1));
  if (repeats(*stored.event, draft)) return {AppendStatus::duplicate, stored};
  return {AppendStatus::conflict, {0, {}, draft.event}};
}

bool MemoryEventStore::conflicts(const AppendRequest& request, std::vector<Appended>& results) const {
  std::map<std::string, const Event*> known;
  bool any = false;
  for (const auto& draft : request.drafts) {
    const auto stored = by_id_.find(draft.event->event_id);
    const Event* before =
        stored == by_id_.end() ? nullptr : log_.at(static_cast<std::size_t>(stored->second - 1)).event.get();
    if (before == nullptr) {
      const auto [place, first] = known.emplace(draft.event->event_id, draft.event.get());
      if (!first) before = place->second;
    }
    const bool conflict = before != nullptr && !repeats(*before, draft);
    any = any || conflict;
    results.push_back({conflict ? AppendStatus::conflict : AppendStatus::aborted, {0, {}, draft.event}});
  }
  return any;
}

asio::awaitable<std::vector<std::vector<Appended>>> MemoryEventStore::append(std::vector<AppendRequest> requests) {
  if (failure_) throw Unavailable(*failure_);
  std::vector<std::vector<Appended>> results;
  for (const auto& request : requests) {
    largest_request_ = std::max(largest_request_, request.drafts.size());
    auto& result = results.emplace_back();
    if (request.atomic && conflicts(request, result)) continue;
    result.clear();
    for (const auto& draft : request.drafts) result.push_back(append_draft(draft));
  }
  co_return results;
}

asio::awaitable<std::optional<StoredEvent>> MemoryEventStore::get(std::string event_id) {
  const auto found = by_id_.find(event_id);
  if (found == by_id_.end()) co_return std::nullopt;
  co_return log_.at(static_cast<std::size_t>(found->second - 1));
}

asio::awaitable<EventPage> MemoryEventStore::query(EventQuery query) {
  const Position snapshot = query.cursor ? query.cursor->snapshot : head();
  std::vector<StoredEvent> found;
  for (const auto& stored : log_) {
    if (stored.position <= snapshot && selected(query, *stored.event) && beyond(query, stored)) found.push_back(stored);
  }
  std::ranges::sort(found, [&](const auto& a, const auto& b) {
    return query.descending ? place_of(b) < place_of(a) : place_of(a) < place_of(b);
  });
  EventPage page;
  const bool complete = found.size() <= query.limit;
  if (!complete) found.resize(query.limit);
  if (!complete)
    page.next = ListingCursor{found.back().event->timestamp, found.back().position, snapshot, query.descending};
  page.events = std::move(found);
  co_return page;
}

asio::awaitable<EventStore::LogPage> MemoryEventStore::read_log(Position after, std::size_t limit,
                                                                std::string type_pattern) {
  LogPage page{{}, after};
  for (const auto& stored : log_) {
    if (stored.position <= after || page.events.size() == limit) continue;
    page.scanned = stored.position;
    if (type_matches(type_pattern, *stored.event)) page.events.push_back(stored);
  }
  co_return page;
}

asio::awaitable<std::vector<RouteRecord>> MemoryEventStore::read_routes(Position after, std::size_t limit) {
  std::vector<RouteRecord> routes;
  for (const auto& [position, stored_at, event, life] : log_) {
    if (position <= after || routes.size() == limit) continue;
    routes.push_back({position, event->timestamp, stored_at, event->exchange, event->routing_key, event->ordering_key});
  }
  co_return routes;
}

asio::awaitable<EventStore::Found> MemoryEventStore::read_at(std::vector<Position> positions) {
  Found found;
  std::size_t bytes = 0;
  for (; found.asked < positions.size() && bytes < most_page_bytes; ++found.asked) {
    const auto position = positions[found.asked];
    if (position < 1 || position > head()) continue;
    found.events.push_back(log_.at(static_cast<std::size_t>(position - 1)));
    bytes += page_bytes(*found.events.back().event);
  }
  co_return found;
}

asio::awaitable<std::optional<Position>> MemoryEventStore::first_at_or_after(Timestamp time) {
  const auto found = std::ranges::find_if(log_, [time](const auto& stored) { return stored.event->timestamp >= time; });
  co_return found == log_.end() ? std::nullopt : std::optional<Position>(found->position);
}

}  // namespace eventbus
