#include "eventbus/broker/embedded/queue_filler.hpp"

#include <algorithm>

#include "eventbus/runtime/crash_point.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus::embedded {
namespace {

constexpr std::size_t dense_from = 4;  // one of so many events matches

}  // namespace

/// Collects matches until the window is full or the read is used up.
struct QueueFiller::Scan {
  const QueueFiller& filler;
  Queue& queue;
  std::size_t room;
  Position scanned = 0;
  std::vector<Routed> matches = {};
  std::size_t seen = 0;
  bool complete = true;

  bool add(Position position, Timestamp timestamp, Timestamp stored_at, std::string_view exchange,
           std::string_view routing_key, std::string_view ordering_key) {
    if (position > filler.head_ || matches.size() == room) return complete = false;
    ++seen;
    scanned = position;
    if (!queue.history.matches(position, timestamp, exchange, routing_key)) return true;
    auto entered_at = position <= filler.stored_before_start_ ? std::min(stored_at, filler.started_) : stored_at;
    if (position <= queue.declared_at) entered_at = std::max(entered_at, queue.declared_time);
    matches.push_back(
        {position, entered_at, queue.served.definition().ordered ? delivery::hash_ordering_key(ordering_key) : 0});
    return true;
  }
  bool add(const StoredEvent& stored) {
    const auto& event = *stored.event;
    return add(stored.position, event.timestamp, stored.stored_at, event.exchange, event.routing_key,
               event.ordering_key);
  }
  bool add(const RouteRecord& record) {
    return add(record.position, record.timestamp, record.stored_at, record.exchange, record.routing_key,
               record.ordering_key);
  }
};

QueueFiller::Scan QueueFiller::scan(Queue& queue, std::size_t room, Position from) const {
  return {.filler = *this, .queue = queue, .room = room, .scanned = from};
}

bool QueueFiller::fill(const QueuePtr& queue) {
  if (queue->served.removed()) return false;
  const bool filled = fill_from_memory(*queue);
  const bool needed = queue->cursor.hungry() || !queue->cursor.counted();
  if (needed && !queue->filling && !stopped_) {
    queue->filling = true;
    tasks_.spawn("queue fills", read(queue));
  }
  return filled;
}

bool QueueFiller::fill_from_memory(Queue& queue) {
  auto& cursor = queue.cursor;
  bool filled = false;
  while (cursor.hungry()) {
    const auto from = cursor.frontier(head_);
    if (from < head_ && !cache_.covers(from)) break;
    auto scan = this->scan(queue, cursor.room());
    const auto& tail = cache_.tail();
    for (auto index = from < head_ ? cache_.tail_index(from) : tail.size(); index < tail.size(); ++index) {
      if (!scan.add(tail[index])) break;
    }
    cursor.absorb(scan.matches, scan.complete ? head_ : std::max(from, scan.scanned), head_);
    filled = filled || !scan.matches.empty() || cursor.following();
  }
  count_from_memory(queue);
  join_routing(queue);
  return filled;
}

void QueueFiller::count_from_memory(Queue& queue) {
  auto& cursor = queue.cursor;
  const auto from = cursor.counted_to(head_);
  if (cursor.counted() || (from < head_ && !cache_.covers(from))) return;
  auto scan = this->scan(queue, std::size_t(-1));
  const auto& tail = cache_.tail();
  for (auto index = from < head_ ? cache_.tail_index(from) : tail.size(); index < tail.size(); ++index) {
    scan.add(tail[index]);
  }
  cursor.count(scan.matches.size(), head_, head_);
}

void QueueFiller::join_routing(Queue& queue) {
  if (queue.routed || queue.served.removed() || !queue.cursor.counted()) return;
  routing_.add(queue.index, queue.history.current());
  queue.routed = true;
}

asio::awaitable<void> QueueFiller::read(QueuePtr queue) {
  while (!queue->served.removed() && !stopped_ && (queue->cursor.hungry() || !queue->cursor.counted())) {
    const bool done = co_await read_once(queue);
    if (!done) co_await stopping_.wait_until(std::chrono::steady_clock::now() + delivery::rest_after_failure);
    if (queue->served.removed()) break;
    fill_from_memory(*queue);
    queue->filled.notify_all();
    filled_(queue);
  }
  queue->filling = false;
  queue->filled.notify_all();
  if (!queue->served.removed()) filled_(queue);
}

asio::awaitable<bool> QueueFiller::read_once(QueuePtr queue) {
  try {
    crash_point("broker.before_fill");
    if (!queue->cursor.hungry()) {
      co_await count_backlog(queue);
    } else if (queue->dense) {
      co_await read_events(queue);
    } else {
      co_await read_window(queue);
    }
  } catch (const Unavailable& error) {
    log_warning("the backlog of a queue could not be read; it is tried again in a second",
                {{"queue", std::string_view(queue->served.name())}, {"error", std::string_view(error.what())}});
    co_return false;
  }
  co_return true;
}

asio::awaitable<void> QueueFiller::read_window(QueuePtr queue) {
  const auto from = queue->cursor.frontier(head_);
  const auto head = head_;
  const auto records = co_await store_.read_routes(from, sizes_.routes);
  if (queue->served.removed() || !queue->cursor.hungry() || queue->cursor.frontier(head_) != from) co_return;
  auto scan = this->scan(*queue, queue->cursor.room(), from);
  for (const auto& record : records) {
    if (!scan.add(record)) break;
  }
  if (scan.complete && records.size() < sizes_.routes) scan.scanned = std::max(scan.scanned, head);
  queue->dense = scan.seen > 0 && scan.matches.size() * dense_from >= scan.seen;
  queue->cursor.absorb(scan.matches, scan.scanned, head_);
}

asio::awaitable<void> QueueFiller::read_events(QueuePtr queue) {
  const auto from = queue->cursor.frontier(head_);
  const auto limit = std::min(queue->cursor.room(), sizes_.events);
  std::string every_type;
  auto page = co_await store_.read_log(from, limit, std::move(every_type));
  if (queue->served.removed() || !queue->cursor.hungry() || queue->cursor.frontier(head_) != from) co_return;
  if (page.events.empty()) {
    queue->dense = false;
    co_return;
  }
  auto scan = this->scan(*queue, queue->cursor.room(), from);
  for (auto& event : page.events) {
    if (!scan.add(event)) break;
  }
  queue->dense = scan.matches.size() * dense_from >= scan.seen;
  queue->cursor.absorb(scan.matches, scan.scanned, head_);
  for (auto& event : page.events) cache_.keep(std::move(event));
}

asio::awaitable<void> QueueFiller::count_backlog(QueuePtr queue) {
  const auto from = queue->cursor.counted_to(head_);
  const auto head = head_;
  const auto records = co_await store_.read_routes(from, sizes_.routes);
  if (queue->served.removed()) co_return;
  const auto counted_to = queue->cursor.counted_to(head_);
  auto scan = this->scan(*queue, std::size_t(-1), counted_to);
  for (const auto& record : records) {
    if (record.position > counted_to && !scan.add(record)) break;
  }
  if (scan.complete && records.size() < sizes_.routes) scan.scanned = std::max(scan.scanned, head);
  queue->cursor.count(scan.matches.size(), scan.scanned, head_);
}

}  // namespace eventbus::embedded
