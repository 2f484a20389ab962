#include "eventbus/bus/event_feed.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include "eventbus/core/topic.hpp"

namespace eventbus {
namespace {

constexpr std::size_t woken_at_once = 8;

std::size_t weight(const StoredEvent& stored) {
  const auto& event = *stored.event;
  return sizeof(Event) + sizeof(StoredEvent) + event.payload.size() + event.event_id.size() + event.cloudevent.size() +
         event.ordering_key.size();
}

}  // namespace

EventFeed::EventFeed(asio::any_io_executor executor, EventStore& store, std::size_t remembered_bytes)
    : executor_(std::move(executor)), store_(store), capacity_(remembered_bytes), arrived_(executor_) {}

void EventFeed::take(std::span<const StoredEvent> events) {
  if (events.empty()) return;
  if (!remembered_from_) remembered_from_ = events.front().position - 1;
  for (const auto& stored : events) {
    bytes_ += weight(stored);
    recent_.push_back(stored);
  }
  while (bytes_ > capacity_) {
    bytes_ -= weight(recent_.front());
    remembered_from_ = recent_.front().position;
    recent_.pop_front();
  }
  wake_all();
}

void EventFeed::wake_all() {
  unwoken_ = arrived_.waiting();
  if (!waking_) wake_some();
}

void EventFeed::wake_some() {
  waking_.reset();
  for (std::size_t woken = 0; woken < woken_at_once && unwoken_ > 0; ++woken, --unwoken_) arrived_.notify_one();
  if (unwoken_ == 0) return;
  waking_ = std::make_shared<int>();
  asio::post(executor_, [this, alive = std::weak_ptr(waking_)] {
    if (!alive.expired()) wake_some();
  });
}

void EventFeed::skip_to(Position head) {
  recent_.clear();
  bytes_ = 0;
  remembered_from_ = head;
  wake_all();
}

bool EventFeed::remembers(Position after) const {
  return remembered_from_ && after >= *remembered_from_;
}

EventStore::LogPage EventFeed::remembered_after(Position after, std::size_t limit,
                                                std::string_view type_pattern) const {
  EventStore::LogPage page{{}, after};
  auto place = std::ranges::upper_bound(recent_, after, {}, &StoredEvent::position);
  for (; place != recent_.end() && page.events.size() < limit; ++place) {
    page.scanned = place->position;
    if (type_pattern.empty() || topic_matches(type_pattern, place->event->event_type)) page.events.push_back(*place);
  }
  return page;
}

asio::awaitable<EventStore::LogPage> EventFeed::next(Position after, std::size_t limit, std::string type_pattern,
                                                     std::chrono::steady_clock::time_point deadline) {
  EventStore::LogPage page{{}, after};
  // Who asked may have left while nothing here could be interrupted.
  const auto cancellation = co_await asio::this_coro::cancellation_state;
  while (!stopped_ && cancellation.cancelled() == asio::cancellation_type::none) {
    if (remembers(page.scanned)) {
      page = remembered_after(page.scanned, limit, type_pattern);
    } else if (page.scanned < store_.head()) {
      page = co_await store_.read_log(page.scanned, limit, type_pattern);
    }
    if (!page.events.empty()) co_return page;
    const bool behind = page.scanned < store_.head() && !remembers(page.scanned);
    if (!behind && !co_await arrived_.wait_until(deadline)) break;
  }
  co_return page;
}

void EventFeed::stop() {
  stopped_ = true;
  arrived_.notify_all();
}

}  // namespace eventbus
