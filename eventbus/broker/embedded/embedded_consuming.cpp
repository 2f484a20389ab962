// Deliveries and what consumers answer.
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "eventbus/broker/embedded/broker_parts.hpp"
#include "eventbus/broker/embedded/delivery_id.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus {

using delivery::Leased;
using embedded::DeliveryId;
using embedded::parse_delivery_id;
using embedded::Queue;
using embedded::QueuePtr;
using embedded::Waiter;
using SteadyClock = std::chrono::steady_clock;

namespace {

using ReadIds = std::vector<std::optional<DeliveryId>>;

// Also without waiting a receive gets what is ready, but a scan of the log may take long.
constexpr std::chrono::milliseconds patience_with_lag{500};

/// None unless it is of this queue, and of an event that this log has given.
std::optional<DeliveryId> read_id(const EventStore& store, const Queue& queue, std::string_view text) {
  const auto id = parse_delivery_id(text);
  if (!id || id->queue != queue.id) return std::nullopt;
  const bool ours = delivery::entered_again(id->entry) || store.lives().gave({id->entry, id->life});
  return ours ? id : std::nullopt;
}

ReadIds read_ids(const EventStore& store, const Queue& queue, std::span<const std::string> texts) {
  ReadIds ids;
  ids.reserve(texts.size());
  for (const auto& text : texts) ids.push_back(read_id(store, queue, text));
  return ids;
}

/// `settle` returns whether it knew the delivery; `texts` are those of the ids.
template <class Settle>
Settled settle_each(const ReadIds& ids, std::vector<std::string> texts, Settle settle) {
  Settled settled;
  for (std::size_t index = 0; index < ids.size(); ++index) {
    if (ids[index] && settle(*ids[index])) {
      ++settled.settled;
    } else {
      settled.unknown.push_back(std::move(texts[index]));
    }
  }
  return settled;
}

/// Stands in the line of waiting receives; what it got and nobody fetched goes back.
class InLine {
 public:
  InLine(Queue& queue, Waiter& waiter) : queue_(queue), waiter_(waiter) { queue_.waiters.push_back(&waiter_); }
  ~InLine() {
    if (!waiter_.served) queue_.waiters.remove(&waiter_);
    for (const auto& leased : waiter_.got) queue_.state.give_back(leased.entry, leased.attempt);
  }
  InLine(const InLine&) = delete;
  InLine& operator=(const InLine&) = delete;

 private:
  Queue& queue_;
  Waiter& waiter_;
};

}  // namespace

asio::awaitable<Result<std::vector<Delivery>>> EmbeddedBroker::receive(std::string name, Credit credit,
                                                                       SteadyClock::time_point deadline) {
  const auto queue = parts_->find(name);
  if (!queue) co_return Parts::unknown(name);
  if (parts_->stopped) co_return std::vector<Delivery>{};
  auto leased = parts_->lease(queue, credit.events);
  const bool lags = queue->filling && queue->cursor.hungry();
  const auto until = lags ? std::max(deadline, SteadyClock::now() + patience_with_lag) : deadline;
  if (leased.empty() && until > SteadyClock::now()) {
    Waiter waiter{credit.events, deadline, asio::steady_timer(parts_->executor, until), {}, false};
    const InLine place(*queue, waiter);
    co_await waiter.timer.async_wait(asio::as_tuple(asio::use_awaitable));
    leased = std::exchange(waiter.got, {});
  }
  if (queue->removed) co_return Parts::unknown(name);
  co_return co_await parts_->deliver(queue, std::move(leased), credit);
}

asio::awaitable<std::vector<Delivery>> EmbeddedBroker::Parts::deliver(QueuePtr queue, std::vector<Leased> leased,
                                                                      Credit credit) {
  std::vector<StoredEvent> events;
  try {
    events = co_await events_of(leased);
  } catch (...) {
    give_back(queue, leased);
    throw;
  }
  std::vector<Delivery> deliveries;
  deliveries.reserve(events.size());
  std::size_t seen = 0;
  for (; seen < events.size(); ++seen) {
    if (!events[seen].event) {
      lose(*queue, leased[seen]);
    } else if (credit.pay(events[seen])) {
      deliveries.push_back(hand_out(*queue, leased[seen], std::move(events[seen])));
    } else {
      break;
    }
  }
  queue->metrics.delivered.add(static_cast<double>(deliveries.size()));
  if (seen < leased.size()) give_back(queue, std::span(leased).subspan(seen));
  co_return deliveries;
}

asio::awaitable<std::vector<StoredEvent>> EmbeddedBroker::Parts::events_of(std::span<const Leased> leased) {
  std::vector<StoredEvent> events(leased.size());
  std::vector<Position> missing;
  for (std::size_t index = 0; index < leased.size(); ++index) {
    const auto position = leased[index].event.position;
    if (const auto* event = cache.find(position)) {
      events[index] = *event;
    } else {
      missing.push_back(position);
    }
  }
  if (missing.empty()) co_return events;
  auto [found, asked] = co_await store.read_at(std::move(missing));
  auto next = found.begin();
  for (std::size_t index = 0; index < leased.size(); ++index) {
    if (events[index].event) continue;
    if (asked-- == 0) {
      events.resize(index);
      break;
    }
    if (next != found.end() && next->position == leased[index].event.position) events[index] = std::move(*next++);
  }
  co_return events;
}

Delivery EmbeddedBroker::Parts::hand_out(Queue& queue, const Leased& leased, StoredEvent event) {
  const auto now = clock();
  const auto& [routed, entry, attempt] = leased;
  const auto type = queue.metrics.type_index(metrics, queue.definition.name, event.event->event_type);
  if (attempt == 1) queue.metrics.end_to_end.observe(std::chrono::duration<double>(now - routed.entered_at).count());
  const auto life = delivery::entered_again(entry) ? 0 : event.life;
  return {.delivery_id = encode(DeliveryId{queue.id, entry, attempt, life}),
          .attempt = attempt,
          .first_attempt_at = queue.state.handed_out(entry, type, now),
          .replayed = false,
          .event = std::move(event)};
}

void EmbeddedBroker::Parts::lose(Queue& queue, const Leased& leased) {
  queue.state.drop(leased.entry);
  log_warning("an event that a queue was to deliver is no longer in the store; the queue goes on without it",
              {{"queue", std::string_view(queue.definition.name)}, {"position", std::int64_t{leased.event.position}}});
}

void EmbeddedBroker::Parts::give_back(const QueuePtr& queue, std::span<const Leased> leased) {
  for (const auto& one : leased) queue->state.give_back(one.entry, one.attempt);
  serve(queue);
}

asio::awaitable<void> EmbeddedBroker::Parts::recall(QueuePtr queue, const ReadIds& ids) {
  const auto until = SteadyClock::now() + patience_with_lag;
  for (const auto& id : ids) {
    if (!id || id->attempt != 1 || id->entry > head) continue;
    if (id->entry <= queue->cursor.frontier(head)) continue;
    for (bool waiting = true; waiting;) {
      queue->cursor.stretch();
      filler.fill(queue);
      waiting = id->entry > queue->cursor.frontier(head) && queue->filling;
      if (waiting) waiting = co_await queue->filled.wait_until(until);
    }
    queue->cursor.widen();
  }
}

asio::awaitable<Result<Settled>> EmbeddedBroker::ack(std::string name, std::vector<std::string> delivery_ids) {
  const auto queue = parts_->find(name);
  if (!queue) co_return Parts::unknown(name);
  const auto ids = read_ids(parts_->store, *queue, delivery_ids);
  co_await parts_->recall(queue, ids);
  if (queue->removed) co_return Parts::unknown(name);
  const auto known = [&queue](const DeliveryId& id) { return queue->state.ack(id.entry, id.attempt); };
  auto settled = settle_each(ids, std::move(delivery_ids), known);
  if (settled.settled > 0) co_await parts_->writer.durable(queue);
  co_return settled;
}

asio::awaitable<Result<Settled>> EmbeddedBroker::nack(std::string name, std::vector<std::string> delivery_ids,
                                                      NackOptions options) {
  const auto queue = parts_->find(name);
  if (!queue) co_return Parts::unknown(name);
  const auto ids = read_ids(parts_->store, *queue, delivery_ids);
  co_await parts_->recall(queue, ids);
  if (queue->removed) co_return Parts::unknown(name);
  const auto known = [this, &queue, &options](const DeliveryId& id) {
    const Failure failure{
        .attempt = id.attempt, .requeue = options.requeue, .delay = options.delay, .reason = options.reason};
    return queue->state.nack(id.entry, failure, parts_->clock());
  };
  auto settled = settle_each(ids, std::move(delivery_ids), known);
  if (settled.settled > 0) co_await parts_->writer.durable(queue);
  co_return settled;
}

asio::awaitable<Result<Settled>> EmbeddedBroker::extend(std::string name, std::vector<std::string> delivery_ids,
                                                        std::chrono::milliseconds lease) {
  const auto queue = parts_->find(name);
  if (!queue) co_return Parts::unknown(name);
  const auto until = parts_->clock() + std::min<std::chrono::milliseconds>(lease, std::chrono::years{10});
  const auto known = [&queue, until](const DeliveryId& id) { return queue->state.extend(id.entry, id.attempt, until); };
  const auto ids = read_ids(parts_->store, *queue, delivery_ids);
  auto settled = settle_each(ids, std::move(delivery_ids), known);
  parts_->arm(*queue);
  co_return settled;
}

void EmbeddedBroker::give_back(std::string_view name, std::span<const std::string> delivery_ids) {
  const auto queue = parts_->find(name);
  if (!queue) return;
  const auto known = [&queue](const DeliveryId& id) { return queue->state.give_back(id.entry, id.attempt); };
  const auto ids = read_ids(parts_->store, *queue, delivery_ids);
  const auto given_back = settle_each(ids, {delivery_ids.begin(), delivery_ids.end()}, known);
  queue->metrics.given_back.add(static_cast<double>(given_back.settled));
  parts_->serve(queue);
}

}  // namespace eventbus
