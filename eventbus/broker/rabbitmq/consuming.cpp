// Messages from RabbitMQ, and who gets them.
#include <algorithm>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>

#include "eventbus/broker/rabbitmq/broker_parts.hpp"
#include "eventbus/delivery/unknown_queue.hpp"
#include "eventbus/runtime/crash_point.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus {

using rabbitmq::LiveQueue;
using rabbitmq::LiveQueuePtr;
using rabbitmq::QueuedEvent;
using SteadyClock = std::chrono::steady_clock;

namespace {

// Also without waiting a receive gets what is ready, but it has to come from the server first.
constexpr std::chrono::milliseconds patience_for_ready{1000};
constexpr int most_rounds = 5;  // of asking for more while more is published all the time

/// Counts a receive among the queue's consumers.
class Receiving {
 public:
  Receiving(LiveQueuePtr queue, std::size_t events) : queue_(std::move(queue)), events_(events) {
    ++queue_->receivers;
    queue_->demand.begin(events_, SteadyClock::now());
  }
  ~Receiving() {
    --queue_->receivers;
    queue_->demand.end(events_);
    queue_->last_receive = SteadyClock::now();
    if (queue_->buffer.deliverable()) queue_->arrived.notify_one();
  }
  Receiving(const Receiving&) = delete;
  Receiving& operator=(const Receiving&) = delete;

 private:
  LiveQueuePtr queue_;
  std::size_t events_;
};

/// Routed before the queue began or before it was purged, or put into it directly as well.
bool not_for(const LiveQueue& queue, const QueuedEvent& queued, bool again) {
  const auto& record = queue.record;
  const auto begins_after = again ? record.live_after : std::max(record.live_after, record.purged_to);
  return !queued.direct && queued.event.position > 0 && queued.event.position <= begins_after;
}

}  // namespace

void RabbitMqBroker::Parts::consume(const LiveQueuePtr& queue) {
  if (queue->consumer || !queue->may_be_consumed() || stopped) return;
  const auto prefetch = wanted_prefetch(*queue);
  if (prefetch == 0) return;
  const std::weak_ptr<LiveQueue> weak = queue;
  amqp::ConsumerHandler handler;
  handler.on_messages = [this, weak](std::vector<amqp::ReceivedMessage> messages) {
    if (const auto target = weak.lock(); target && !target->removed) take_in(target, std::move(messages));
  };
  handler.on_lost = [weak] {
    if (const auto target = weak.lock()) target->lose();
  };
  handler.on_trouble = [this, name = queue->name()](std::string trouble) {
    log_warning("a queue can't be consumed for now; it is tried again",
                {{"queue", std::string_view(name)}, {"error", std::string_view(trouble)}});
    doubt_topology();
  };
  queue->demanded = queue->prefetch = prefetch;
  queue->prefetched_after = last_serial;
  queue->consumer = consuming.consume(queue->name(), queue->prefetch, std::move(handler));
}

void RabbitMqBroker::Parts::stop_consuming(LiveQueue& queue) {
  if (!queue.consumer) return;
  queue.consumer->cancel();
  queue.consumer.reset();
  queue.demanded = queue.prefetch = 0;
  queue.counts.ready += queue.buffer.size() + queue.unsifted.size();
  const auto oldest = queue.buffer.oldest_entered_at();
  queue.head = {.since = oldest, .known = oldest.has_value(), .known_at = SteadyClock::now()};
  queue.lose();
}

void RabbitMqBroker::Parts::take_in(const LiveQueuePtr& queue, std::vector<amqp::ReceivedMessage> messages) {
  std::vector<amqp::DeliveryTag> unwanted;
  std::vector<amqp::DeliveryTag> malformed;
  const bool ordered = queue->record.definition.ordered;
  ++queue->moves;
  for (auto& message : messages) {
    auto queued = rabbitmq::read_message(message);
    if (!queued) {
      log_warning("a message that is no event goes to the dead letters",
                  {{"queue", std::string_view(queue->name())}, {"error", std::string_view(queued.error().detail)}});
      malformed.push_back(message.delivery_tag);
      continue;
    }
    queue->arriving.erase(queued->event.position);
    queue->demand.weigh(message.body.size());
    if (not_for(*queue, *queued, message.redelivered)) {
      unwanted.push_back(message.delivery_tag);
      continue;
    }
    rabbitmq::Arrival arrival{++last_serial, {message.delivery_tag, std::move(*queued)}, message.redelivered};
    arrival.again = arrival.again && (ordered || !entry_name(arrival.message.queued).empty());
    if (arrival.again || !queue->unsifted.empty()) {
      queue->unsifted.push_back(std::move(arrival));
    } else {
      arrive(*queue, std::move(arrival));
    }
  }
  queue->counts.ready -= std::min<std::uint64_t>(queue->counts.ready, messages.size());
  settle_unread(*queue, std::move(unwanted), amqp::Settlement::ack);
  settle_unread(*queue, std::move(malformed), amqp::Settlement::reject);
  if (queue->prefetch == 0) return_waiting(*queue, 0);
  if (!queue->unsifted.empty() && !std::exchange(queue->sifting, true))
    background.spawn("sift what comes again", sift(queue));
  wake(*queue);
}

void RabbitMqBroker::Parts::settle_unread(const LiveQueue& queue, std::vector<amqp::DeliveryTag> tags,
                                          amqp::Settlement settlement) {
  if (tags.empty() || !queue.consumer) return;
  background.spawn("settle", rabbitmq::settle_unread(queue.consumer, std::move(tags), settlement));
}

void RabbitMqBroker::Parts::arrive(LiveQueue& queue, rabbitmq::Arrival arrival) {
  std::optional<Timestamp> due;
  auto& queued = arrival.message.queued;
  const auto held = queue.held.extract(held_name(queued));
  if (held) {
    const auto& trials = held.mapped().trials;
    queued.trials = {queued.trials.entry, queued.trials.entered_at, trials.attempt, trials.first_attempt_at,
                     trials.first_failed_at};
    due = held.mapped().due;
  }
  queue.buffer.arrived(arrival.serial, std::move(arrival.message), due);
}

asio::awaitable<void> RabbitMqBroker::Parts::sift(LiveQueuePtr queue) {
  struct Ending {
    LiveQueue& of;
    ~Ending() { of.sifting = false; }
  };
  const Ending ending{*queue};
  while (!queue->unsifted.empty() && !queue->removed && !stopped) {
    const auto count = queue->unsifted.size();
    const auto losses = queue->losses;
    const auto moved = co_await moved_before(queue);
    if (queue->losses != losses) continue;
    if (moved) {
      let_in(*queue, count, *moved);
    } else {
      if (!queue->record.definition.ordered) let_in_what_is_new(*queue);
      co_await pause(rest_after_failure);
    }
  }
}

/// Of what is unsifted, these became dead letters before; what is on its way there is waited for. None: the database
/// does not answer.
asio::awaitable<std::optional<std::set<std::string>>> RabbitMqBroker::Parts::moved_before(LiveQueuePtr queue) {
  std::vector<std::string> entries;
  for (const auto& arrival : queue->unsifted) {
    if (arrival.again) entries.push_back(moving_name(arrival.message.queued));
  }
  const auto is_moving = [&queue](const std::string& entry) { return queue->moving.contains(entry); };
  while (std::ranges::any_of(entries, is_moving) && !queue->removed && !stopped)
    co_await queue->moved.wait_until(SteadyClock::now() + rest_after_failure);
  try {
    auto known = co_await letters.known(queue->record.id, std::move(entries));
    if (queue->record.definition.ordered) queue->held = co_await catalog.held(queue->name());
    co_return known;
  } catch (const Unavailable& error) {
    log(level_of(error, troubles), "what RabbitMQ hands out again waits for the database",
        {{"queue", std::string_view(queue->name())}, {"error", std::string_view(error.what())}});
  }
  co_return std::nullopt;
}

void RabbitMqBroker::Parts::let_in(LiveQueue& queue, std::size_t count, const std::set<std::string>& moved) {
  std::vector<amqp::DeliveryTag> unwanted;
  for (; count > 0 && !queue.unsifted.empty(); --count) {
    auto arrival = std::move(queue.unsifted.front());
    queue.unsifted.pop_front();
    if (arrival.again && moved.contains(moving_name(arrival.message.queued))) {
      unwanted.push_back(arrival.message.tag);
    } else {
      arrive(queue, std::move(arrival));
    }
  }
  ++queue.moves;
  settle_unread(queue, std::move(unwanted), amqp::Settlement::ack);
  wake(queue);
}

/// They are purged.
std::size_t RabbitMqBroker::Parts::drop_unsifted(LiveQueue& queue) {
  std::vector<amqp::DeliveryTag> unwanted;
  unwanted.reserve(queue.unsifted.size());
  for (const auto& arrival : queue.unsifted) unwanted.push_back(arrival.message.tag);
  queue.unsifted.clear();
  ++queue.losses;  // for whoever looks them up
  const auto count = unwanted.size();
  settle_unread(queue, std::move(unwanted), amqp::Settlement::ack);
  return count;
}

void RabbitMqBroker::Parts::let_in_what_is_new(LiveQueue& queue) {
  for (auto& arrival : queue.unsifted) {
    if (!arrival.again) arrive(queue, std::move(arrival));
  }
  std::erase_if(queue.unsifted, [](const rabbitmq::Arrival& arrival) { return !arrival.again; });
  ++queue.moves;
  wake(queue);
}

namespace rabbitmq {

asio::awaitable<void> settle_unread(std::shared_ptr<amqp::Consumer> consumer, std::vector<amqp::DeliveryTag> tags,
                                    amqp::Settlement settlement) {
  try {
    co_await consumer->settle(std::move(tags), settlement);
  } catch (const Unavailable&) {
    log(LogLevel::debug, "the connection was lost; RabbitMQ delivers again what was not settled");
  }
}

asio::awaitable<bool> until_arrived(std::shared_ptr<amqp::Consumer> consumer, amqp::Deadline deadline) {
  try {
    co_await consumer->barrier(deadline);
  } catch (const Unavailable&) {
    co_return false;  // its channel is not open, so the server hands nothing to it
  }
  co_return true;
}

}  // namespace rabbitmq

void RabbitMqBroker::Parts::wake(LiveQueue& queue) {
  queue.filled.notify_all();
  if (queue.record.paused) return;
  if (queue.buffer.deliverable()) queue.arrived.notify_one();
}

std::vector<Delivery> RabbitMqBroker::Parts::lease(LiveQueue& queue, Credit credit) {
  std::vector<Delivery> deliveries;
  if (queue.record.paused) return deliveries;
  const auto now = clock();
  for (const auto serial : queue.buffer.lease(credit, now + queue.record.definition.lease)) {
    const auto& queued = queue.buffer.handed_out(serial, now);
    deliveries.push_back({.delivery_id = rabbitmq::encode({instance, queue.buffer.number_of(serial)}),
                          .attempt = queued.trials.attempt,
                          .first_attempt_at = queued.trials.first_attempt_at,
                          .replayed = queued.replayed,
                          .event = queued.event});
    if (queued.trials.attempt == 1)
      queue.metrics.end_to_end.observe(std::chrono::duration<double>(now - queued.event.stored_at).count());
  }
  queue.metrics.delivered.add(static_cast<double>(deliveries.size()));
  if (!deliveries.empty()) crash_point("broker.before_delivery");
  return deliveries;
}

/// Returns when as much of what the server had ready is here as is wanted, or after some patience. A quorum queue that
/// has nothing ready may still be handing messages to the channel, so a round in which some arrived is not the last.
asio::awaitable<void> RabbitMqBroker::Parts::fetch(LiveQueuePtr queue, Credit wanted) {
  const auto until = SteadyClock::now() + patience_for_ready;
  const auto consumer = queue->consumer;
  int rounds = 0;
  const auto full = [&queue] { return queue->buffer.waiting() >= queue->prefetch; };
  while (!queue->removed && consumer && !queue->buffer.covers(wanted) && SteadyClock::now() < until) {
    follow_demand(queue);  // how large the messages are is known by now
    if (full()) co_return;
    const auto moves = queue->moves;
    const auto ready = co_await topology.ready(queue->name());
    bool all_here = ready == 0;
    if (all_here) all_here = co_await rabbitmq::until_arrived(consumer, until);
    if (all_here && queue->waiting() == queue->buffer.waiting()) {
      if (queue->moves == moves || ++rounds == most_rounds) co_return;
    } else {
      const std::chrono::milliseconds rest{queue->unsifted.empty() ? 5 : 50};
      const auto soon = std::min(until, SteadyClock::now() + rest);
      co_await queue->filled.wait_until(soon);
    }
  }
}

asio::awaitable<Result<std::vector<Delivery>>> RabbitMqBroker::receive(std::string name, Credit credit,
                                                                       SteadyClock::time_point deadline) {
  auto& parts = *parts_;
  const auto queue = co_await parts.find(name);
  if (!queue) co_return delivery::unknown_queue(name);
  if (parts.stopped) co_return std::vector<Delivery>{};
  parts.check();
  const Receiving receiving(queue, credit.events);
  while (queue->head.looking && !queue->removed)
    co_await queue->filled.wait_until(SteadyClock::now() + patience_for_ready);
  queue->head = {};
  const bool cold = queue->prefetch == 0;
  if (!queue->consumer) co_await parts.begin_consuming(queue);
  parts.follow_demand(queue);
  const bool waits = deadline > SteadyClock::now();
  const auto at_least = cold ? credit : Credit{};
  if (!waits && !queue->record.paused) co_await parts.fetch(queue, at_least);
  // Who asked may have left while nothing here could be interrupted.
  const auto cancellation = co_await asio::this_coro::cancellation_state;
  const auto asked = [&] { return cancellation.cancelled() == asio::cancellation_type::none; };
  auto deliveries = parts.lease(*queue, credit);
  while (deliveries.empty() && asked() && !queue->removed && !parts.stopped && SteadyClock::now() < deadline) {
    if (!queue->consumer) co_await parts.begin_consuming(queue);
    parts.follow_demand(queue);
    const bool arrived = co_await queue->arrived.wait_until(deadline);
    if (!arrived) break;  // the deadline, or nobody waits any more
    // When it is the first, the rest of what was ready is on its way.
    if (cold && queue->buffer.deliverable()) co_await parts.fetch(queue, credit);
    deliveries = parts.lease(*queue, credit);
  }
  if (queue->removed) co_return delivery::unknown_queue(name);
  co_return deliveries;
}

/// An ordered queue first learns which of its events wait for a retry.
asio::awaitable<void> RabbitMqBroker::Parts::begin_consuming(LiveQueuePtr queue) {
  if (!queue->may_be_consumed()) co_return;
  if (queue->record.definition.ordered) queue->held = co_await catalog.held(queue->name());
  consume(queue);
}

asio::awaitable<void> RabbitMqBroker::Parts::consume_anew(LiveQueuePtr queue) {
  if (!queue->consumer) co_return;
  stop_consuming(*queue);
  co_await begin_consuming(queue);
}

void RabbitMqBroker::give_back(std::string_view name, std::span<const std::string> delivery_ids) {
  auto& parts = *parts_;
  const auto queue = parts.known(name);
  if (!queue) return;
  std::size_t count = 0;
  for (const auto& id : delivery_ids) {
    const auto delivery = rabbitmq::parse_delivery_id(id);
    const bool ours = delivery && delivery->instance == parts.instance;
    const auto serial = ours ? queue->buffer.leased_as(delivery->number) : std::nullopt;
    if (serial && queue->buffer.give_back(*serial)) ++count;
  }
  queue->metrics.given_back.add(static_cast<double>(count));
  parts.wake(*queue);
}

}  // namespace eventbus
