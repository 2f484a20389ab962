#include "eventbus/broker/embedded/broker_parts.hpp"

#include <algorithm>

namespace eventbus {

using embedded::Queue;
using embedded::QueuePtr;
using embedded::StoredQueue;

EmbeddedBroker::Parts::Parts(asio::any_io_executor executor_of, EventStore& store_of,
                             std::unique_ptr<embedded::QueueStorage> storage_of, BrokerMetrics& metrics_of,
                             BrokerSettings settings_of, BrokerClock clock_of)
    : executor(std::move(executor_of)),
      store(store_of),
      storage(std::move(storage_of)),
      metrics(metrics_of),
      settings(settings_of),
      clock(std::move(clock_of)),
      cache(settings.cache_bytes),
      alarm(executor),
      stopping(executor),
      defined(executor),
      tasks(executor),
      filler(tasks, store, cache, routing, head, stopping,
             {.routes = settings.routes_per_read, .events = settings.events_per_read},
             [](const QueuePtr& queue) { queue->served.advance(); }),
      foundation{store, cache, *storage, filler, head, [this](Timestamp due) { wake_at(due); }},
      dead_letter_desk(tasks, store, *storage, head, clock, stopping, settings.max_outstanding / 2,
                       [](const QueuePtr& queue) { queue->served.advance(); }) {}

QueuePtr EmbeddedBroker::Parts::find(std::string_view queue) const {
  const auto found = queues.find(queue);
  return found == queues.end() ? nullptr : found->second;
}

QueuePtr EmbeddedBroker::Parts::open(const embedded::StoredQueue& stored) {
  embedded::CursorLimits limits;
  limits.window = settings.window;
  limits.stretched = settings.max_outstanding;
  limits.gaps = settings.max_gaps;
  const delivery::Surroundings surroundings{executor, tasks, metrics, clock};
  auto queue = std::make_shared<Queue>(foundation, surroundings, stored, limits, settings.max_outstanding);
  if (free_slots.empty()) {
    free_slots.push_back(static_cast<delivery::RoutingTable::QueueIndex>(slots.size()));
    slots.emplace_back();
  }
  queue->index = free_slots.back();
  free_slots.pop_back();
  slots[queue->index] = queue;
  queues.emplace(stored.definition.name, queue);
  if (stored.definition.max_length) ++limited_queues;
  return queue;
}

void EmbeddedBroker::Parts::close(const QueuePtr& queue) {
  queue->served.close();
  if (queue->routed) routing.remove(queue->index, queue->history.current());
  slots[queue->index] = nullptr;
  free_slots.push_back(queue->index);
  if (queue->served.definition().max_length) --limited_queues;
  queue->filled.notify_all();
  queues.erase(queue->served.name());
}

bool EmbeddedBroker::Parts::route(const StoredEvent& stored) {
  const auto& event = *stored.event;
  std::optional<std::uint64_t> key;
  const auto wanting = routing.match(event.exchange, event.routing_key);
  for (const auto index : wanting) {
    const auto& queue = slots[index];
    const bool ordered = queue->served.definition().ordered;
    if (ordered && !key) key = delivery::hash_ordering_key(event.ordering_key);
    queue->cursor.take({stored.position, stored.stored_at, ordered ? *key : 0});
    if (queue->touched) continue;
    queue->touched = true;
    touched.push_back(queue);
  }
  cache.append(stored, head);
  head = stored.position;
  return !wanting.empty();
}

void EmbeddedBroker::Parts::count_published(std::span<const StoredEvent> events, const std::vector<bool>& wanted) {
  for (std::size_t index = 0; index < events.size();) {
    const auto& first = *events[index].event;
    auto end = index + 1;
    while (end < events.size() && wanted[end] == wanted[index] && events[end].event->event_type == first.event_type &&
           events[end].event->exchange == first.exchange) {
      ++end;
    }
    auto& counter = wanted[index] ? metrics.published.with({first.event_type, first.exchange})
                                  : metrics.unroutable.with({first.exchange});
    counter.add(static_cast<double>(end - index));
    index = end;
  }
}

void EmbeddedBroker::Parts::wake_at(Timestamp due) {
  if (due >= armed) return;
  armed = due;
  alarm.notify_all();
}

void EmbeddedBroker::Parts::checkpoint(std::uint64_t behind) {
  for (const auto& [name, queue] : queues) {
    const auto counted = queue->cursor.counted_to(head) - queue->cursor.persisted_counted_to();
    if (counted >= static_cast<Position>(behind)) queue->served.writer().write(true);
  }
}

// Queues that were counted to near the end of the log are counted together, in one scan; the others on their own,
// later.
asio::awaitable<void> EmbeddedBroker::Parts::count_tail() {
  const auto near = head - 4 * static_cast<Position>(settings.checkpoint_events);
  std::vector<Position> counted_to(slots.size(), head);
  std::vector<std::uint64_t> matches(slots.size(), 0);
  auto from = head;
  for (const auto& queue : slots) {
    const auto begin = queue->cursor.counted_to(head);
    if (begin < near || !queue->history.settled_at(begin)) continue;
    counted_to[queue->index] = begin;
    from = std::min(from, begin);
    routing.add(queue->index, queue->history.current());
    queue->routed = true;
  }
  while (from < head) {
    const auto records = co_await store.read_routes(from, settings.routes_per_read);
    for (const auto& record : records) {
      if (record.position > head) break;
      for (const auto index : routing.match(record.exchange, record.routing_key)) {
        if (record.position > counted_to[index]) ++matches[index];
      }
    }
    from = records.empty() ? head : records.back().position;
  }
  for (const auto& queue : slots) {
    if (queue->routed) queue->cursor.count(matches[queue->index], head, head);
  }
}

asio::awaitable<void> EmbeddedBroker::Parts::create(QueueDefinition definition) {
  const auto start = definition.start_from;
  std::optional<Position> first;
  if (start.kind == StartFrom::Kind::time) first = co_await store.first_at_or_after(start.time);
  StoredQueue stored;
  stored.declared_at = head;
  stored.declared_time = clock();
  auto& progress = stored.progress;
  if (start.kind == StartFrom::Kind::now) progress.frontier = head;
  if (start.kind == StartFrom::Kind::time) progress.frontier = first ? std::min(*first - 1, head) : head;
  progress.counted_to = progress.frontier;
  stored.epochs.push_back({0, definition.bindings});
  stored.definition = std::move(definition);
  stored.id = co_await storage->create(stored);
  const auto queue = open(stored);
  queue->restore(std::move(stored.progress), {}, clock());
  queue->served.advance();
}

void EmbeddedBroker::Parts::apply(const QueuePtr& queue, const QueueDefinition& definition) {
  const auto& former = queue->served.definition();
  if (former.bindings != definition.bindings) {
    if (queue->routed) routing.remove(queue->index, former.bindings);
    queue->history.forget(queue->cursor.persisted_frontier());
    queue->history.change(head, definition.bindings);
    if (queue->routed) routing.add(queue->index, definition.bindings);
  }
  if (former.max_length) --limited_queues;
  if (definition.max_length) ++limited_queues;
  queue->served.redefine(definition);
}

// Applied first: events that arrive while it is written are routed by the new bindings, as they will be after a
// restart.
asio::awaitable<void> EmbeddedBroker::Parts::redefine(QueuePtr queue, QueueDefinition definition) {
  const auto old = queue->served.definition();
  apply(queue, definition);
  try {
    co_await storage->redefine(queue->served.id(), definition, queue->history.epochs());
  } catch (const Unavailable&) {
    if (!queue->served.removed()) apply(queue, old);
    throw;
  }
  queue->served.writer().write(true);  // a start counts from here, where one set of bindings decides
  queue->served.advance();
}

}  // namespace eventbus
