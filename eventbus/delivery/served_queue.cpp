#include "eventbus/delivery/served_queue.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "eventbus/delivery/unknown_queue.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus::delivery {

using SteadyClock = std::chrono::steady_clock;

namespace {

// Also without waiting a receive gets what is ready, but a scan of the log may take long.
constexpr std::chrono::milliseconds patience_with_lag{500};

/// `settle` returns whether it knew the delivery; `texts` are those of the ids.
template <class Settle>
Settled settle_each(const std::vector<std::optional<DeliveryId>>& ids, std::vector<std::string> texts, Settle settle) {
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

}  // namespace

/// A receive that waits for its turn.
struct ServedQueue::Waiter {
  std::size_t max;
  Deadline deadline;
  asio::steady_timer timer;
  std::vector<Leased> got;
  bool served = false;  ///< Out of the line.
};

/// Stands in the line of waiting receives; what it got and nobody fetched goes back.
class ServedQueue::InLine {
 public:
  InLine(ServedQueue& queue, Waiter& waiter) : queue_(queue), waiter_(waiter) { queue_.waiters_.push_back(&waiter_); }
  ~InLine() {
    if (!waiter_.served) queue_.waiters_.remove(&waiter_);
    for (const auto& leased : waiter_.got) queue_.state_.give_back(leased.entry, leased.attempt);
  }
  InLine(const InLine&) = delete;
  InLine& operator=(const InLine&) = delete;

 private:
  ServedQueue& queue_;
  Waiter& waiter_;
};

ServedQueue::ServedQueue(Surroundings surroundings, Lane& lane, FreshEvents& fresh, std::int64_t id,
                         QueueDefinition definition, std::size_t most_outstanding)
    : surroundings_(std::move(surroundings)),
      lane_(lane),
      id_(id),
      definition_(std::move(definition)),
      state_(definition_, fresh, most_outstanding, static_cast<std::uint64_t>(id) + 1),
      meters_(surroundings_.metrics, definition_.name),
      writer_(surroundings_.tasks, lane, state_, definition_, surroundings_.clock,
              [this](const Settlement& settlement, bool durable) {
                if (durable) written(settlement);
                advance();
              }) {}

asio::awaitable<Result<std::vector<Delivery>>> ServedQueue::receive(Credit credit, Deadline deadline) {
  auto leased = lease(credit.events);
  const auto until = lane_.lags() ? std::max(deadline, SteadyClock::now() + patience_with_lag) : deadline;
  if (leased.empty() && until > SteadyClock::now()) {
    Waiter waiter{credit.events, deadline, asio::steady_timer(surroundings_.executor, until), {}, false};
    const InLine place(*this, waiter);
    co_await waiter.timer.async_wait(asio::as_tuple(asio::use_awaitable));
    leased = std::exchange(waiter.got, {});
  }
  if (removed_) co_return unknown_queue(name());
  std::vector<Delivery> deliveries;
  while (!leased.empty()) {
    const bool all = co_await deliver(std::exchange(leased, {}), credit, deliveries);
    if (all && !removed_ && credit.events > 0) leased = lease(credit.events);
  }
  co_return deliveries;
}

std::vector<Leased> ServedQueue::lease(std::size_t max) {
  lane_.asked();
  const auto allowed = [this] { return !paused_ && waiters_.empty(); };
  std::vector<Leased> leased;
  const auto most = part_.of(max);
  if (allowed()) leased = state_.lease(most, surroundings_.clock());
  while (fill() && leased.empty() && allowed()) leased = state_.lease(most, surroundings_.clock());
  if (!writer_.resting()) writer_.write();
  arm();
  return leased;
}

bool ServedQueue::fill() {
  const bool came = lane_.fill();
  if (came) state_.tick(surroundings_.clock());
  return came;
}

void ServedQueue::advance() {
  if (removed_) return;
  state_.tick(surroundings_.clock());
  serve();
  end_fruitless_waits();
}

void ServedQueue::tick() {
  if (!writer_.resting()) advance();
}

void ServedQueue::serve() {
  do {
    while (!paused_ && !waiters_.empty() && state_.deliverable()) {
      const auto share = (state_.at_hand() + waiters_.size() - 1) / waiters_.size();
      auto& waiter = *waiters_.front();
      waiter.got = state_.lease(std::min<std::size_t>(part_.of(waiter.max), share), surroundings_.clock());
      if (waiter.got.empty()) break;
      waiters_.pop_front();
      waiter.served = true;
      waiter.timer.cancel();
    }
  } while (fill());
  if (!writer_.resting()) writer_.write();
  arm();
}

/// Receives that waited only for a lagging queue go home when there is nothing for them.
void ServedQueue::end_fruitless_waits() {
  if (lane_.lags()) return;
  const auto now = SteadyClock::now();
  for (auto* waiter : waiters_) {
    if (waiter->deadline <= now) waiter->timer.cancel();
  }
}

void ServedQueue::arm() {
  auto due = state_.next_due();
  if (writer_.resting()) {
    if (due) due = std::max(*due, writer_.rest_until());
    if (state_.pending()) due = writer_.rest_until();
  }
  if (due) lane_.wake_at(*due);
}

/// Adds those that the credit pays for to the deliveries; the others go back. Whether it paid for all.
asio::awaitable<bool> ServedQueue::deliver(std::vector<Leased> leased, Credit& credit,
                                           std::vector<Delivery>& deliveries) {
  std::vector<StoredEvent> events;
  try {
    events = co_await lane_.events_of(leased);
  } catch (const Unavailable&) {
    give_back(leased);
    if (deliveries.empty()) throw;
    co_return false;  // what was read before is not to wait for its lease to end
  }
  const auto before = deliveries.size();
  deliveries.reserve(before + events.size());
  std::size_t seen = 0;
  for (; seen < events.size(); ++seen) {
    if (!events[seen].event) {
      lose(leased[seen]);
    } else if (credit.pay(events[seen])) {
      deliveries.push_back(hand_out(leased[seen], std::move(events[seen])));
    } else {
      break;
    }
  }
  const auto handed_out = deliveries.size() - before;
  const bool all = seen == leased.size();
  meters_.delivered.add(static_cast<double>(handed_out));
  part_.note(leased.size(), !all, deliveries.size());  // the next receive begins with what this one's credit paid for
  if (!all) give_back(std::span(leased).subspan(seen));
  co_return all;
}

Delivery ServedQueue::hand_out(const Leased& leased, StoredEvent event) {
  const auto now = surroundings_.clock();
  const auto& [routed, entry, attempt] = leased;
  const auto type = meters_.type_index(event.event->event_type);
  if (attempt == 1) meters_.end_to_end.observe(std::chrono::duration<double>(now - routed.entered_at).count());
  const auto life = entered_again(entry) ? 0 : event.life;
  return {.delivery_id = encode(DeliveryId{id_, entry, attempt, life}),
          .attempt = attempt,
          .first_attempt_at = state_.handed_out(entry, type, now),
          .replayed = false,
          .event = std::move(event)};
}

void ServedQueue::lose(const Leased& leased) {
  state_.drop(leased.entry);
  log_warning("an event that a queue was to deliver is no longer in the store; the queue goes on without it",
              {{"queue", std::string_view(name())}, {"position", std::int64_t{leased.event.position}}});
}

void ServedQueue::give_back(std::span<const Leased> leased) {
  for (const auto& one : leased) state_.give_back(one.entry, one.attempt);
  serve();
}

/// None where it is not of this queue, or of an event that this log did not give.
ServedQueue::Ids ServedQueue::read_ids(std::span<const std::string> texts) const {
  Ids ids;
  ids.reserve(texts.size());
  for (const auto& text : texts) {
    auto id = parse_delivery_id(text);
    const bool ours = id && id->queue == id_ && (entered_again(id->entry) || lane_.gave({id->entry, id->life}));
    ids.push_back(ours ? id : std::nullopt);
  }
  return ids;
}

/// Deliveries from before a restart may be of what is not at hand yet.
asio::awaitable<void> ServedQueue::reach(const Ids& ids) {
  Position last = 0;
  for (const auto& id : ids) {
    if (id && id->attempt == 1) last = std::max(last, id->entry);
  }
  if (last > 0) co_await lane_.reach(last, SteadyClock::now() + patience_with_lag);
}

asio::awaitable<Result<Settled>> ServedQueue::ack(std::vector<std::string> delivery_ids) {
  const auto ids = read_ids(delivery_ids);
  co_await reach(ids);
  if (removed_) co_return unknown_queue(name());
  const auto known = [this](const DeliveryId& id) { return state_.ack(id.entry, id.attempt); };
  auto settled = settle_each(ids, std::move(delivery_ids), known);
  if (settled.settled > 0) co_await writer_.durable();
  co_return settled;
}

asio::awaitable<Result<Settled>> ServedQueue::nack(std::vector<std::string> delivery_ids, NackOptions options) {
  const auto ids = read_ids(delivery_ids);
  co_await reach(ids);
  if (removed_) co_return unknown_queue(name());
  const auto known = [this, &options](const DeliveryId& id) {
    const Failure failure{
        .attempt = id.attempt, .requeue = options.requeue, .delay = options.delay, .reason = options.reason};
    return state_.nack(id.entry, failure, surroundings_.clock());
  };
  auto settled = settle_each(ids, std::move(delivery_ids), known);
  if (settled.settled > 0) co_await writer_.durable();
  co_return settled;
}

Settled ServedQueue::extend(std::vector<std::string> delivery_ids, std::chrono::milliseconds lease) {
  const auto until = surroundings_.clock() + std::min<std::chrono::milliseconds>(lease, std::chrono::years{10});
  const auto known = [this, until](const DeliveryId& id) { return state_.extend(id.entry, id.attempt, until); };
  const auto ids = read_ids(delivery_ids);
  auto settled = settle_each(ids, std::move(delivery_ids), known);
  arm();
  return settled;
}

void ServedQueue::give_back(std::span<const std::string> delivery_ids) {
  const auto known = [this](const DeliveryId& id) { return state_.give_back(id.entry, id.attempt); };
  const auto given_back = settle_each(read_ids(delivery_ids), {delivery_ids.begin(), delivery_ids.end()}, known);
  meters_.given_back.add(static_cast<double>(given_back.settled));
  serve();
}

QueueInfo ServedQueue::info() const {
  const auto of_rows = state_.oldest_since();
  const auto of_lane = lane_.oldest_since();
  return {.definition = definition_,
          .paused = paused_,
          .ready = state_.ready(),
          .in_flight = state_.in_flight(),
          .delayed = state_.delayed(),
          .dead_letters = dead_letters_,
          .consumers = waiters_.size() + state_.leases(),
          .oldest_since = of_rows && of_lane ? std::min(of_rows, of_lane)
                          : of_rows          ? of_rows
                                             : of_lane};
}

void ServedQueue::redefine(const QueueDefinition& definition) {
  definition_ = definition;
  state_.redefine(definition);
}

void ServedQueue::close() {
  removed_ = true;
  writer_.close();
  send_home();
}

void ServedQueue::send_home() {
  for (auto* waiter : waiters_) waiter->timer.cancel();
}

void ServedQueue::written(const Settlement& settlement) {
  meters_.observe(settlement, surroundings_.clock());
  dead_letters_ += settlement.dead_letters.size();
}

}  // namespace eventbus::delivery
