#include "eventbus/broker/embedded/broker_parts.hpp"

#include <algorithm>

namespace eventbus {

using delivery::Leased;
using embedded::Queue;
using embedded::QueuePtr;

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
      writer(tasks, *storage, metrics, head, clock, [this](const QueuePtr& queue) { advance(queue); }),
      filler(tasks, store, cache, routing, head, stopping,
             {.routes = settings.routes_per_read, .events = settings.events_per_read},
             [this](const QueuePtr& queue) { advance(queue); }),
      dead_letter_desk(tasks, store, *storage, head, clock, stopping, settings.max_outstanding / 2,
                       [this](const QueuePtr& queue) { advance(queue); }) {}

std::unexpected<Error> EmbeddedBroker::Parts::unknown(std::string_view queue) {
  return fail(ErrorCode::unknown_queue, "There is no queue '" + std::string(queue) +
                                            "'. Declare it with PUT /queues/{queue}, or list queues with GET /queues.");
}

QueuePtr EmbeddedBroker::Parts::find(std::string_view queue) const {
  const auto found = queues.find(queue);
  return found == queues.end() ? nullptr : found->second;
}

QueuePtr EmbeddedBroker::Parts::open(const embedded::StoredQueue& stored) {
  embedded::CursorLimits limits;
  limits.window = settings.window;
  limits.stretched = settings.max_outstanding;
  limits.gaps = settings.max_gaps;
  auto queue = std::make_shared<Queue>(executor, metrics, stored, limits, settings.max_outstanding);
  queue->declared_time = std::min(stored.declared_time, clock());
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
  queue->removed = true;
  if (queue->routed) routing.remove(queue->index, queue->history.current());
  slots[queue->index] = nullptr;
  free_slots.push_back(queue->index);
  if (queue->definition.max_length) --limited_queues;
  for (auto* waiter : queue->waiters) waiter->timer.cancel();
  queue->filled.notify_all();
  queues.erase(queue->definition.name);
}

QueueInfo EmbeddedBroker::Parts::describe(const Queue& queue) const {
  return {.definition = queue.definition,
          .paused = queue.paused,
          .ready = queue.state.ready(),
          .in_flight = queue.state.in_flight(),
          .delayed = queue.state.delayed(),
          .dead_letters = queue.dead_letters,
          .consumers = queue.waiters.size() + queue.state.leases(),
          .oldest_since = queue.oldest_since()};
}

bool EmbeddedBroker::Parts::route(const StoredEvent& stored) {
  const auto& event = *stored.event;
  std::optional<std::uint64_t> key;
  const auto wanting = routing.match(event.exchange, event.routing_key);
  for (const auto index : wanting) {
    const auto& queue = slots[index];
    if (queue->definition.ordered && !key) key = delivery::hash_ordering_key(event.ordering_key);
    queue->cursor.take({stored.position, stored.stored_at, queue->definition.ordered ? *key : 0});
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

void EmbeddedBroker::Parts::advance(const QueuePtr& queue) {
  if (queue->removed) return;
  queue->state.tick(clock());
  serve(queue);
  send_home(*queue);
}

void EmbeddedBroker::Parts::serve(const QueuePtr& queue) {
  auto& waiters = queue->waiters;
  do {
    while (!queue->paused && !waiters.empty() && queue->state.deliverable()) {
      const auto share = (queue->state.at_hand() + waiters.size() - 1) / waiters.size();
      auto& waiter = *waiters.front();
      waiter.got = queue->state.lease(std::min<std::size_t>(waiter.max, share), clock());
      if (waiter.got.empty()) break;
      waiters.pop_front();
      waiter.served = true;
      waiter.timer.cancel();
    }
  } while (fill(queue));
  if (queue->rest_until <= clock()) writer.write(queue);
  arm(*queue);
}

bool EmbeddedBroker::Parts::fill(const QueuePtr& queue) {
  const bool came = filler.fill(queue);
  if (came) queue->state.tick(clock());
  return came;
}

void EmbeddedBroker::Parts::send_home(Queue& queue) {
  const auto now = std::chrono::steady_clock::now();
  if (queue.filling && queue.cursor.hungry()) return;
  for (auto* waiter : queue.waiters) {
    if (waiter->deadline <= now) waiter->timer.cancel();
  }
}

std::vector<Leased> EmbeddedBroker::Parts::lease(const QueuePtr& queue, std::size_t max) {
  queue->cursor.widen();
  std::vector<Leased> leased;
  if (!queue->paused && queue->waiters.empty()) leased = queue->state.lease(max, clock());
  const bool came = fill(queue);
  if (leased.empty() && came && !queue->paused && queue->waiters.empty()) leased = queue->state.lease(max, clock());
  if (queue->rest_until <= clock()) writer.write(queue);
  arm(*queue);
  return leased;
}

void EmbeddedBroker::Parts::arm(const Queue& queue) {
  auto due = queue.state.next_due();
  if (queue.rest_until > clock() && (due || queue.state.pending())) {
    due = std::max(queue.rest_until, due.value_or(queue.rest_until));
  }
  if (!due || *due >= armed) return;
  armed = *due;
  alarm.notify_all();
}

void EmbeddedBroker::Parts::checkpoint(std::uint64_t behind) {
  for (const auto& [name, queue] : queues) {
    const auto counted = queue->cursor.counted_to(head) - queue->cursor.persisted_counted_to();
    if (counted >= static_cast<Position>(behind)) writer.write(queue, true);
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

}  // namespace eventbus
