#include "eventbus/amqp/consumer_channel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "eventbus/amqp/wire_fields.hpp"

namespace eventbus::amqp {
namespace {

constexpr std::string_view waiting_for_server = "waiting for RabbitMQ to process acknowledgements";

void fail(ConsumerChannel::Barrier& barrier, const std::string& reason) {
  if (!barrier.done) return;
  auto done = std::exchange(barrier.done, nullptr);
  done(std::make_exception_ptr(Unavailable(waiting_for_server, reason)), false);
}

}  // namespace

void ConsumerChannel::on_open() {
  generation_ = ++generations_;
  outstanding_.reset(generation_);
  if (settings_.prefetch == 0) return healthy();
  send_qos(nullptr);
  send_consume();
}

void ConsumerChannel::send_qos(std::shared_ptr<Barrier> barrier) {
  qos_under_way_.push_back(std::move(barrier));
  expect_answer();
  send(AMQP_BASIC_QOS_METHOD, amqp_basic_qos_t{.prefetch_size = 0, .prefetch_count = settings_.prefetch, .global = 0});
}

void ConsumerChannel::send_consume() {
  ++consumes_;
  consuming_ = false;
  const auto name = tag();
  expect_answer();
  send(AMQP_BASIC_CONSUME_METHOD, amqp_basic_consume_t{.ticket = 0,
                                                       .queue = bytes_of(settings_.queue),
                                                       .consumer_tag = bytes_of(name),
                                                       .no_local = 0,
                                                       .no_ack = 0,
                                                       .exclusive = 0,
                                                       .nowait = 0,
                                                       .arguments = amqp_empty_table});
}

void ConsumerChannel::set_prefetch(std::uint16_t prefetch) {
  const auto before = std::exchange(settings_.prefetch, prefetch);
  if (!is_open()) return;
  if (before != 0) send_cancel();
  if (prefetch == 0) return;
  // A prefetch is that of consumers to come.
  send_qos(nullptr);
  send_consume();
}

void ConsumerChannel::send_cancel() {
  consuming_ = false;
  const auto name = tag();
  expect_answer();
  send(AMQP_BASIC_CANCEL_METHOD, amqp_basic_cancel_t{.consumer_tag = bytes_of(name), .nowait = 0});
}

void ConsumerChannel::barrier(std::shared_ptr<Barrier> barrier) {
  if (!is_open()) return fail(*barrier, status().why_late());
  if (qos_under_way_.size() >= most_waiting) return fail(*barrier, "too many operations wait");
  send_qos(std::move(barrier));
}

std::vector<DeliveryTag> ConsumerChannel::settle(const std::vector<DeliveryTag>& tags, Settlement settlement) {
  if (!is_open()) return tags;
  auto plan = outstanding_.settle(tags);
  moved();
  for (const auto& frame : plan.frames) {
    const amqp_boolean_t multiple = frame.multiple ? 1 : 0;
    if (settlement == Settlement::ack) {
      send(AMQP_BASIC_ACK_METHOD, amqp_basic_ack_t{.delivery_tag = frame.number, .multiple = multiple});
    } else {
      send(AMQP_BASIC_NACK_METHOD, amqp_basic_nack_t{.delivery_tag = frame.number,
                                                     .multiple = multiple,
                                                     .requeue = settlement == Settlement::requeue ? 1 : 0});
    }
  }
  return std::move(plan.unknown);
}

void ConsumerChannel::on_method(const amqp_method_t& method) {
  if (method.id == AMQP_BASIC_DELIVER_METHOD) {
    const auto& deliver = *static_cast<const amqp_basic_deliver_t*>(method.decoded);
    ReceivedMessage start;
    start.delivery_tag = {.generation = generation_, .number = deliver.delivery_tag};
    start.redelivered = deliver.redelivered != 0;
    start.exchange = view_of(deliver.exchange);
    start.routing_key = view_of(deliver.routing_key);
    content_.begin(std::move(start));
  } else if (method.id == AMQP_BASIC_QOS_OK_METHOD) {
    answered();
    on_qos();
  } else if (method.id == AMQP_BASIC_CONSUME_OK_METHOD) {
    answered();
    healthy();
    consuming_ = settings_.prefetch != 0;
    moved();
    suspects_.clear(settings_.queue);
  } else if (method.id == AMQP_BASIC_CANCEL_OK_METHOD) {
    answered();
  } else if (method.id == AMQP_BASIC_CANCEL_METHOD) {
    calls_->trouble(fmt::format("queue \"{}\" was deleted, or its server is down", settings_.queue));
    end_generation("the server cancelled the consumer");
    close_and_reopen();
  }
}

void ConsumerChannel::on_qos() {
  if (qos_under_way_.empty()) return;
  const auto barrier = std::move(qos_under_way_.front());
  qos_under_way_.pop_front();
  if (!barrier || !barrier->done) return;
  pump();  // what came before the answer is handed on before it
  barrier->done(nullptr, true);
}

void ConsumerChannel::on_content(const amqp_frame_t& frame) {
  auto message = content_.add(frame);
  if (!message) return;
  outstanding_.delivered(message->delivery_tag.number);
  batch_.push_back(std::move(*message));
}

void ConsumerChannel::pump() {
  if (!batch_.empty()) calls_->messages(std::exchange(batch_, {}));
}

void ConsumerChannel::on_closed(const ServerRefusal& refusal) {
  const auto reason = fmt::format("consuming queue \"{}\": {} {}", settings_.queue, refusal.code, refusal.text);
  calls_->trouble(reason);
  end_generation(reason);
}

void ConsumerChannel::on_lost(const std::string& reason) {
  if (generation_ != 0 && settings_.prefetch != 0 && !consuming_) {
    suspects_.suspect(settings_.queue, std::chrono::steady_clock::now());
    calls_->trouble(fmt::format("consuming queue \"{}\": {}", settings_.queue, reason));
  }
  end_generation(reason);
}

void ConsumerChannel::end_generation(const std::string& reason) {
  content_.reset();
  batch_.clear();
  for (auto& barrier : std::exchange(qos_under_way_, {}))
    if (barrier) fail(*barrier, reason);
  if (generation_ == 0) return;
  generation_ = 0;
  outstanding_.reset(0);
  calls_->lost();
}

void ConsumerChannel::moved() {
  renew_at_ = std::chrono::steady_clock::now() + idle_renewal_;
}

Channel::Time ConsumerChannel::renewal_due() const {
  const bool idle = is_open() && consuming_ && outstanding_.size() == 0;
  return idle ? renew_at_ : Time::max();
}

void ConsumerChannel::tick(Time now) {
  Channel::tick(now);
  if (now >= renewal_due()) {
    end_generation("the consumer got nothing for long and begins anew");
    close_and_reopen();
  }
  for (auto& barrier : qos_under_way_)
    if (barrier && barrier->deadline <= now) fail(*barrier, status().why_late());
}

Channel::Time ConsumerChannel::due() const {
  auto soonest = std::min(Channel::due(), renewal_due());
  for (const auto& barrier : qos_under_way_)
    if (barrier && barrier->done) soonest = std::min(soonest, barrier->deadline);
  return soonest;
}

void ConsumerChannel::end(const std::string& reason) {
  end_generation(reason);
}

}  // namespace eventbus::amqp
