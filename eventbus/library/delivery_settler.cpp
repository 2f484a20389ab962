#include "eventbus/library/delivery_settler.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <utility>
#include <vector>

#include "eventbus/broker/rabbitmq/names.hpp"
#include "eventbus/core/failure_policy.hpp"
#include "eventbus/runtime/crash_point.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus {
namespace {

constexpr std::chrono::seconds pause_before_giving_back{1};
constexpr std::size_t longest_reason = 255;

std::vector<amqp::DeliveryTag> only(amqp::DeliveryTag tag) {
  return {tag};
}

}  // namespace

Delivery::Delivery(std::string queue, std::shared_ptr<amqp::Consumer> consumer, amqp::ReceivedMessage message)
    : queue_(std::move(queue)), consumer_(std::move(consumer)), message_(std::move(message)) {
  auto queued = rabbitmq::read_message(message_);
  if (!queued) {
    fault_ = queued.error().detail;
    return;
  }
  queued_ = std::move(*queued);
  received_ = std::make_unique<ReceivedEvent>(*queued_.event.event, queue_, queued_.trials.attempt,
                                              message_.redelivered || queued_.trials.attempt > 1);
}

const std::string& Delivery::ordering_key() const {
  static const std::string none;
  return received_ ? received_->event.ordering_key : none;
}

asio::awaitable<void> DeliverySettler::settle(Delivery delivery, Verdict verdict) {
  bool settled = false;
  crash_point("library.before_settle");
  try {
    // What is too large to be here as a whole can only be given up by RabbitMQ itself.
    const auto settlement = delivery.message_.too_large() ? amqp::Settlement::reject : amqp::Settlement::ack;
    const bool replaced = verdict.kind != Verdict::Kind::done && settlement == amqp::Settlement::ack;
    if (replaced) co_await replace(delivery, verdict);
    co_await delivery.consumer_->settle(only(delivery.message_.delivery_tag), settlement);
    settled = true;
  } catch (const Unavailable& error) {
    log_warning("an event could not be settled; it comes again",
                {{"queue", delivery.queue_}, {"error", std::string_view(error.what())}});
  }
  if (!settled) co_await give_back(delivery);
}

asio::awaitable<void> DeliverySettler::replace(const Delivery& delivery, const Verdict& verdict) {
  const bool failed = verdict.kind == Verdict::Kind::failed;
  const auto outcome =
      judge(retry_, {.attempt = delivery.queued_.trials.attempt, .requeue = failed}, random_fraction());
  if (delivery.received_ && failed) {
    log_warning(outcome.wait ? "a handler failed; the event is tried again" : "a handler failed; the event is given up",
                {{"queue", delivery.queue_},
                 {"event_id", delivery.received_->event.event_id},
                 {"attempt", std::int64_t{delivery.received_->attempt}},
                 {"error", verdict.reason}});
  }
  if (outcome.wait) co_return co_await retry_later(delivery, *outcome.wait);
  std::string reason(outcome.reason);
  if (verdict.kind == Verdict::Kind::unreadable) reason = "malformed";
  if (verdict.kind == Verdict::Kind::give_up) reason = verdict.reason.substr(0, longest_reason);
  co_await link_.publish_to_queue(dead_letter(delivery, reason));
}

asio::awaitable<void> DeliverySettler::retry_later(const Delivery& delivery, std::chrono::milliseconds wait) {
  auto target = delivery.queue_;
  if (wait > std::chrono::milliseconds{0}) target = co_await link_.ensure_retry_queue(delivery.queue_, wait);
  const auto trials = rabbitmq::next_trials(delivery.queued_.trials, now());
  co_await link_.publish_to_queue(rabbitmq::direct_message(delivery.queued_.event, std::move(target), trials));
}

amqp::Message DeliverySettler::dead_letter(const Delivery& delivery, const std::string& reason) const {
  if (!delivery.received_)
    return rabbitmq::unreadable_dead_letter(delivery.message_, delivery.queue_, reason + ": " + delivery.fault_);
  return rabbitmq::dead_letter_message(delivery.queued_.event, {}, rabbitmq::dead_letter_queue(delivery.queue_),
                                       delivery.queued_.trials, delivery.queued_.trials.attempt, reason, now());
}

asio::awaitable<void> DeliverySettler::give_back(const Delivery& delivery) {
  asio::steady_timer pause(co_await asio::this_coro::executor, pause_before_giving_back);
  co_await pause.async_wait(asio::use_awaitable);
  try {
    co_await delivery.consumer_->settle(only(delivery.message_.delivery_tag), amqp::Settlement::requeue);
  } catch (const Unavailable&) {
    co_return;  // RabbitMQ delivers again what a lost connection held
  }
}

asio::awaitable<void> DeliverySettler::finish(amqp::Consumer& consumer) {
  try {
    co_await consumer.barrier(std::chrono::steady_clock::now() + RabbitMqLink::timeout);
  } catch (const Unavailable& error) {
    log_warning("acknowledgements may be lost; their events come again", {{"error", std::string_view(error.what())}});
  }
}

}  // namespace eventbus
