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

// Also without waiting a receive gets what is ready, but a scan of the log may take long.
constexpr std::chrono::milliseconds patience_with_lag{500};

/// None unless it is of this queue, and of an event that this log has given.
std::optional<DeliveryId> read_id(const EventStore& store, const Queue& queue, std::string_view text) {
  const auto id = parse_delivery_id(text);
  if (!id || id->queue != queue.id) return std::nullopt;
  const bool ours = delivery::entered_again(id->entry) || store.lives().gave({id->entry, id->life});
  return ours ? id : std::nullopt;
}

/// Reads the ids; those that are none are unknown. `settle` returns whether it knew the delivery.
template <class Settle>
Settled settle_each(const EventStore& store, const Queue& queue, std::vector<std::string> delivery_ids, Settle settle) {
  Settled settled;
  for (auto& text : delivery_ids) {
    const auto id = read_id(store, queue, text);
    if (id && settle(*id)) {
      ++settled.settled;
    } else {
      settled.unknown.push_back(std::move(text));
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

asio::awaitable<Result<std::vector<Delivery>>> EmbeddedBroker::receive(std::string name, std::size_t max,
                                                                       SteadyClock::time_point deadline) {
  const auto queue = parts_->find(name);
  if (!queue) co_return Parts::unknown(name);
  if (parts_->stopped) co_return std::vector<Delivery>{};
  auto leased = parts_->lease(queue, max);
  const bool lags = queue->filling && queue->cursor.hungry();
  const auto until = lags ? std::max(deadline, SteadyClock::now() + patience_with_lag) : deadline;
  if (leased.empty() && until > SteadyClock::now()) {
    Waiter waiter{max, deadline, asio::steady_timer(parts_->executor, until), {}, false};
    const InLine place(*queue, waiter);
    co_await waiter.timer.async_wait(asio::as_tuple(asio::use_awaitable));
    leased = std::exchange(waiter.got, {});
  }
  if (queue->removed) co_return Parts::unknown(name);
  co_return co_await parts_->deliver(queue, std::move(leased));
}

asio::awaitable<std::vector<Delivery>> EmbeddedBroker::Parts::deliver(QueuePtr queue, std::vector<Leased> leased) {
  std::vector<Delivery> deliveries(leased.size());
  std::vector<Position> missing;
  for (std::size_t index = 0; index < leased.size(); ++index) {
    const auto* event = cache.find(leased[index].event.position);
    if (event != nullptr) deliveries[index].event = *event;
    if (event == nullptr) missing.push_back(leased[index].event.position);
  }
  if (!missing.empty()) {
    std::vector<StoredEvent> found;
    try {
      found = co_await store.read_at(std::move(missing));
    } catch (...) {
      for (const auto& one : leased) queue->state.give_back(one.entry, one.attempt);
      throw;
    }
    auto next = found.begin();
    for (std::size_t index = 0; index < leased.size() && next != found.end(); ++index) {
      if (next->position == leased[index].event.position) deliveries[index].event = std::move(*next++);
    }
  }
  complete(*queue, leased, deliveries);
  co_return deliveries;
}

void EmbeddedBroker::Parts::complete(Queue& queue, const std::vector<Leased>& leased,
                                     std::vector<Delivery>& deliveries) {
  const auto time = clock();
  for (std::size_t index = 0; index < leased.size(); ++index) {
    auto& delivery = deliveries[index];
    const auto& [event, entry, attempt, first_attempt_at] = leased[index];
    if (!delivery.event.event) {
      queue.state.drop(entry);
      log_warning("an event that a queue was to deliver is no longer in the store; the queue goes on without it",
                  {{"queue", std::string_view(queue.definition.name)}, {"position", std::int64_t{event.position}}});
      continue;
    }
    delivery.delivery_id =
        encode(DeliveryId{queue.id, entry, attempt, delivery::entered_again(entry) ? 0 : delivery.event.life});
    delivery.attempt = attempt;
    delivery.first_attempt_at = first_attempt_at;
    queue.state.set_type(entry,
                         queue.metrics.type_index(metrics, queue.definition.name, delivery.event.event->event_type));
    if (attempt == 1) {
      queue.metrics.end_to_end.observe(std::chrono::duration<double>(time - event.entered_at).count());
    }
  }
  std::erase_if(deliveries, [](const Delivery& delivery) { return !delivery.event.event; });
  queue.metrics.delivered.add(static_cast<double>(deliveries.size()));
}

asio::awaitable<void> EmbeddedBroker::Parts::recall(QueuePtr queue, const std::vector<std::string>& delivery_ids) {
  const auto until = SteadyClock::now() + patience_with_lag;
  for (const auto& text : delivery_ids) {
    const auto id = read_id(store, *queue, text);
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
  co_await parts_->recall(queue, delivery_ids);
  if (queue->removed) co_return Parts::unknown(name);
  const auto known = [&queue](const DeliveryId& id) { return queue->state.ack(id.entry, id.attempt); };
  auto settled = settle_each(parts_->store, *queue, std::move(delivery_ids), known);
  if (settled.settled > 0) co_await parts_->writer.durable(queue);
  co_return settled;
}

asio::awaitable<Result<Settled>> EmbeddedBroker::nack(std::string name, std::vector<std::string> delivery_ids,
                                                      NackOptions options) {
  const auto queue = parts_->find(name);
  if (!queue) co_return Parts::unknown(name);
  co_await parts_->recall(queue, delivery_ids);
  if (queue->removed) co_return Parts::unknown(name);
  const auto known = [this, &queue, &options](const DeliveryId& id) {
    const Failure failure{
        .attempt = id.attempt, .requeue = options.requeue, .delay = options.delay, .reason = options.reason};
    return queue->state.nack(id.entry, failure, parts_->clock());
  };
  auto settled = settle_each(parts_->store, *queue, std::move(delivery_ids), known);
  if (settled.settled > 0) co_await parts_->writer.durable(queue);
  co_return settled;
}

asio::awaitable<Result<Settled>> EmbeddedBroker::extend(std::string name, std::vector<std::string> delivery_ids,
                                                        std::chrono::milliseconds lease) {
  const auto queue = parts_->find(name);
  if (!queue) co_return Parts::unknown(name);
  const auto until = parts_->clock() + std::min<std::chrono::milliseconds>(lease, std::chrono::years{10});
  const auto known = [&queue, until](const DeliveryId& id) { return queue->state.extend(id.entry, id.attempt, until); };
  auto settled = settle_each(parts_->store, *queue, std::move(delivery_ids), known);
  parts_->arm(*queue);
  co_return settled;
}

void EmbeddedBroker::give_back(std::string_view name, std::span<const std::string> delivery_ids) {
  const auto queue = parts_->find(name);
  if (!queue) return;
  const auto known = [&queue](const DeliveryId& id) { return queue->state.give_back(id.entry, id.attempt); };
  const auto given_back = settle_each(parts_->store, *queue, {delivery_ids.begin(), delivery_ids.end()}, known);
  queue->metrics.given_back.add(static_cast<double>(given_back.settled));
  parts_->serve(queue);
}

}  // namespace eventbus
