// What becomes of deliveries: done, tried again, given up.
#include <algorithm>
#include <span>

#include "eventbus/broker/rabbitmq/broker_parts.hpp"
#include "eventbus/broker/rabbitmq/names.hpp"
#include "eventbus/core/failure_policy.hpp"
#include "eventbus/runtime/crash_point.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus {

using rabbitmq::DeadLetterStore;
using rabbitmq::LiveQueue;
using rabbitmq::LiveQueuePtr;
using rabbitmq::next_trials;
using rabbitmq::QueueCatalog;
using rabbitmq::QueueClaim;
using rabbitmq::QueuedEvent;

namespace {

constexpr std::size_t most_bytes_at_once = std::size_t{16} << 20U;

std::vector<amqp::DeliveryTag> tags_of(const LiveQueue& queue, const std::vector<std::uint64_t>& serials) {
  std::vector<amqp::DeliveryTag> tags;
  tags.reserve(serials.size());
  for (const auto serial : serials) {
    if (const auto* message = queue.buffer.settling(serial)) tags.push_back(message->tag);
  }
  return tags;
}

/// What is being settled is leased again when the settling fails, or waits again where nobody had it.
class Settling {
 public:
  Settling(LiveQueuePtr queue, const std::vector<std::uint64_t>& serials, const BrokerClock& clock,
           std::chrono::milliseconds rest, bool waited = false)
      : queue_(std::move(queue)), serials_(serials), clock_(clock), rest_(rest), waited_(waited) {}
  ~Settling() {
    if (finished_) return;
    const auto later = clock_() + rest_;
    for (const auto serial : serials_) {
      const auto* message = queue_->buffer.settling(serial);
      if (waited_ && message != nullptr) {
        queue_->buffer.hold(serial, message->queued.trials, later);
      } else {
        queue_->buffer.unsettle(serial, later);
      }
    }
  }
  Settling(const Settling&) = delete;
  Settling& operator=(const Settling&) = delete;
  void finish() { finished_ = true; }

 private:
  LiveQueuePtr queue_;
  const std::vector<std::uint64_t>& serials_;
  const BrokerClock& clock_;
  std::chrono::milliseconds rest_;
  bool waited_;
  bool finished_ = false;
};

/// Marks entries as being on their way to the database: to the dead letters, or as retries.
class Moving {
 public:
  Moving(LiveQueuePtr queue, std::vector<std::string> entries)
      : queue_(std::move(queue)), entries_(std::move(entries)) {
    queue_->moving.insert(entries_.begin(), entries_.end());
  }
  ~Moving() {
    for (const auto& entry : entries_) queue_->moving.erase(queue_->moving.find(entry));
    queue_->moved.notify_all();
  }
  Moving(const Moving&) = delete;
  Moving& operator=(const Moving&) = delete;

 private:
  LiveQueuePtr queue_;
  std::vector<std::string> entries_;
};

Unavailable lost_while_acknowledging() {
  constexpr std::string_view reason = "the connection to RabbitMQ was lost; the events come again";
  return Unavailable("acknowledging", reason).tell_client(reason);
}

}  // namespace

/// RabbitMQ forgets them. Those of a lost connection come again.
asio::awaitable<void> RabbitMqBroker::Parts::done(LiveQueuePtr queue, Serials serials, bool waited) {
  if (serials.empty()) co_return;
  Settling settling(queue, serials, clock, rest_after_failure, waited);
  guard.check();
  const auto consumer = queue->consumer;
  if (!consumer) throw lost_while_acknowledging();
  std::vector<std::string> held;
  for (const auto serial : serials) {
    const auto* message = queue->buffer.settling(serial);
    if (message == nullptr) throw lost_while_acknowledging();
    if (queue->record.definition.ordered && message->queued.trials.attempt > 1)
      held.push_back(held_name(message->queued));
  }
  auto tags = tags_of(*queue, serials);
  crash_point("broker.before_ack_commit");
  const auto lost = co_await consumer->settle(std::move(tags), amqp::Settlement::ack);
  co_await guarded<amqp::Refused>(guard, consumer->barrier(std::chrono::steady_clock::now() + settings.timeout));
  crash_point("broker.after_ack_commit");
  queue->last_settled = std::chrono::steady_clock::now();
  settling.finish();
  for (const auto serial : serials) queue->buffer.remove(serial);
  wake(*queue);
  if (!lost.empty()) throw lost_while_acknowledging();
  if (!held.empty()) co_await catalog.unhold(queue->name(), std::move(held));
}

asio::awaitable<void> RabbitMqBroker::Parts::failed(LiveQueuePtr queue, Serials serials, NackOptions options,
                                                    bool lease_ended) {
  const auto& definition = queue->record.definition;
  Serials given_up;
  std::string reason;
  Serials retried;
  Waits waits;
  for (const auto serial : serials) {
    const auto* message = queue->buffer.settling(serial);
    if (message == nullptr) continue;
    const auto attempt = message->queued.trials.attempt;
    const auto outcome = judge(definition.retry,
                               {.attempt = attempt,
                                .requeue = options.requeue,
                                .delay = options.delay,
                                .reason = options.reason,
                                .lease_ended = lease_ended},
                               random_fraction());
    if (outcome.wait) {
      retried.push_back(serial);
      waits.push_back(*outcome.wait);
    } else {
      given_up.push_back(serial);
      reason = outcome.reason;
    }
  }
  Settling settling(queue, retried, clock, rest_after_failure);
  co_await dead(queue, std::move(given_up), std::move(reason));
  if (definition.ordered) {
    co_await hold(queue, retried, waits);
    settling.finish();
  } else if (!retried.empty()) {
    co_await publish_retries(queue, retried, waits, options.delay.has_value());
    crash_point("broker.before_retry_ack");
    settling.finish();
    co_await done(queue, retried);
  }
  queue->metrics.retries.add(static_cast<double>(retried.size()));
}

/// They stay here, so that nothing overtakes them; the database knows when they are due.
asio::awaitable<void> RabbitMqBroker::Parts::hold(LiveQueuePtr queue, const Serials& serials, const Waits& waits) {
  const auto now = clock();
  std::vector<std::string> entries;
  for (const auto serial : serials) {
    if (const auto* message = queue->buffer.settling(serial)) entries.push_back(moving_name(message->queued));
  }
  const Moving moving(queue, std::move(entries));
  for (std::size_t index = 0; index < serials.size(); ++index) {
    const auto* message = queue->buffer.settling(serials[index]);
    if (message == nullptr) continue;
    const rabbitmq::HeldRetry retry{next_trials(message->queued.trials, now), now + waits[index]};
    auto name = held_name(message->queued);
    co_await catalog.hold(queue->name(), std::move(name), retry);
    queue->buffer.hold(serials[index], retry.trials, retry.due);
  }
  changed.notify_all();
}

asio::awaitable<void> RabbitMqBroker::Parts::publish_retries(LiveQueuePtr queue, const Serials& serials,
                                                             const Waits& waits, bool exact) {
  std::vector<std::pair<QueuedEvent, std::chrono::milliseconds>> retries;
  for (std::size_t index = 0; index < serials.size(); ++index) {
    const auto* message = queue->buffer.settling(serials[index]);
    if (message != nullptr) retries.emplace_back(message->queued, waits[index]);
  }
  const auto now = clock();
  std::vector<amqp::Message> messages;
  for (const auto& [queued, wait] : retries) {
    auto target = queue->name();
    const auto step = exact ? rabbitmq::retry_step(wait) : rabbitmq::jittered_step(wait);
    if (wait > std::chrono::milliseconds{0}) target = co_await retry_queue(queue, step);
    messages.push_back(rabbitmq::direct_message(queued.event, std::move(target), next_trials(queued.trials, now)));
  }
  co_await publisher.publish_direct(std::move(messages));
}

asio::awaitable<std::string> RabbitMqBroker::Parts::retry_queue(LiveQueuePtr queue, std::chrono::milliseconds step) {
  const auto until = std::chrono::steady_clock::now() + patience_for_others;
  for (;;) {
    if (!queue->wanted()) throw Unavailable("retrying events", "queue '" + queue->name() + "' is being deleted");
    if (topology.has_retry_queue(queue->name(), step)) co_return rabbitmq::retry_queue(queue->name(), step);
    const bool made = co_await make_retry_queue(queue, step);
    if (!made) co_await wait_for_others("retrying events", queue->name(), until);
  }
}

asio::awaitable<bool> RabbitMqBroker::Parts::make_retry_queue(LiveQueuePtr queue, std::chrono::milliseconds step) {
  auto claim = claim_of(queue->name());
  const bool taken = co_await claim.take(QueueCatalog::Work::making);
  if (!taken) co_return false;
  co_return co_await claim.during(make_retry_queue(queue, step, claim));
}

asio::awaitable<bool> RabbitMqBroker::Parts::make_retry_queue(LiveQueuePtr queue, std::chrono::milliseconds step,
                                                              QueueClaim& claim) {
  const bool wanted = co_await still_wanted(queue);
  if (!wanted) co_return false;
  const auto& delays = queue->record.retry_delays;
  if (std::ranges::find(delays, step) == delays.end()) {
    co_await catalog.add_retry_delay(queue->name(), step);
    queue->record.retry_delays.push_back(step);
  }
  co_await claim.go_on();
  co_await topology.ensure_retry_queue(queue->name(), step);
  co_return true;
}

asio::awaitable<void> RabbitMqBroker::Parts::dead(LiveQueuePtr queue, Serials serials, std::string reason,
                                                  bool waited) {
  Settling settling(queue, serials, clock, rest_after_failure, waited);
  for (std::span<const Serial> left = serials; !left.empty();) {
    const auto moved = co_await bury(queue, left, reason, waited);
    left = left.subspan(moved);
  }
  settling.finish();
}

/// They rest in the database before RabbitMQ forgets them; what comes again in between is known there.
asio::awaitable<std::size_t> RabbitMqBroker::Parts::bury(LiveQueuePtr queue, std::span<const Serial> serials,
                                                         std::string reason, bool waited) {
  const auto now = clock();
  std::vector<rabbitmq::RestingMessage> messages;
  std::vector<std::string> entries;
  std::size_t bytes = 0;
  Serials moved;
  for (const auto serial : serials.first(std::min(serials.size(), DeadLetterStore::most_at_once))) {
    if (bytes >= most_bytes_at_once) break;
    moved.push_back(serial);
    const auto* message = queue->buffer.settling(serial);
    if (message == nullptr) continue;
    const auto& trials = message->queued.trials;
    const auto first = trials.first_failed_at == Timestamp{} ? now : trials.first_failed_at;
    messages.push_back(rabbitmq::to_rest(message->queued, {reason, trials.attempt - (waited ? 1 : 0), first, now}));
    if (messages.back().entry.starts_with('#')) messages.back().entry = unique_name(message->tag);
    entries.push_back(messages.back().entry);
    bytes += messages.back().body.size();
  }
  const Moving moving(queue, std::move(entries));
  const auto count = co_await add_dead_letters(queue, std::move(messages));
  crash_point("broker.before_dead_ack");
  queue->dead_letters += count;
  metrics.dead_letters.with({queue->name(), reason}).add(static_cast<double>(count));
  const auto size = moved.size();
  auto tags = tags_of(*queue, moved);
  const bool all_here = tags.size() == size;
  try {
    co_await done(queue, moved);
  } catch (const Unavailable& error) {
    log(LogLevel::debug, "RabbitMQ did not say that it forgot what is dead now; it is known when it comes again",
        {{"queue", std::string_view(queue->name())}, {"error", std::string_view(error.what())}});
    settle_unread(*queue, std::move(tags), amqp::Settlement::ack);
    for (const auto serial : moved) queue->buffer.remove(serial);
    wake(*queue);
  }
  if (!all_here) throw lost_while_acknowledging();
  co_return size;
}

/// Ends leases, wakes retries, gives up what is too old or too much. What fails is due again a second later.
void RabbitMqBroker::Parts::tick(const LiveQueuePtr& queue) {
  const auto now = clock();
  const auto& definition = queue->record.definition;
  auto due = queue->buffer.tick(now);
  if (due.ready) wake(*queue);
  if (!queue->consumer && queue->receivers > 0 && queue->may_be_consumed()) queue->arrived.notify_all();
  if (!due.ended.empty()) {
    for (const auto serial : due.ended) queue->buffer.settle(serial);
    queue->metrics.expired.add(static_cast<double>(due.ended.size()));
    background.spawn("end leases", in_background(failed(queue, std::move(due.ended), {}, true)));
  }
  if (definition.message_ttl) give_up(queue, queue->buffer.size(), now - *definition.message_ttl, "expired");
  if (!definition.max_length || definition.overflow != Overflow::drop_oldest) return;
  const auto excess = running.empty() ? queue->excess() : std::min(queue->excess(), queue->seen_excess);
  queue->seen_excess -= std::min(queue->seen_excess, give_up(queue, excess, Timestamp::max(), "max_length"));
}

std::size_t RabbitMqBroker::Parts::give_up(const LiveQueuePtr& queue, std::size_t most, Timestamp entered_before,
                                           std::string reason) {
  auto serials = queue->buffer.give_up(most, entered_before);
  const auto count = serials.size();
  if (count == 0) return 0;
  background.spawn("give up", in_background(dead(queue, std::move(serials), std::move(reason), true)));
  return count;
}

asio::awaitable<void> RabbitMqBroker::Parts::in_background(asio::awaitable<void> work) {
  try {
    co_await std::move(work);
  } catch (const Unavailable& error) {
    log(level_of(error, troubles), "looking after the queues failed; it is tried again",
        {{"error", std::string_view(error.what())}});
  }
}

asio::awaitable<void> RabbitMqBroker::Parts::pause(std::chrono::milliseconds time) {
  const auto until = std::chrono::steady_clock::now() + time;
  while (!stopped && std::chrono::steady_clock::now() < until) co_await changed.wait_until(until);
}

}  // namespace eventbus
