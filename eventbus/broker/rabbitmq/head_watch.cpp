// How old the oldest event is of a queue that nobody consumes. Whoever consumed it last knows; where nobody does, the
// first message is taken and goes back.
#include <algorithm>

#include "eventbus/broker/rabbitmq/broker_parts.hpp"

namespace eventbus {

using rabbitmq::LiveQueue;
using rabbitmq::LiveQueuePtr;
using SteadyClock = std::chrono::steady_clock;

namespace {

constexpr std::chrono::seconds patience_for_head{2};
// AMQP clients may take it away unseen. RabbitMQ counts how often it hands a message out, so not too often.
constexpr std::chrono::minutes known_for{10};
constexpr std::chrono::minutes least_between{1};

bool is_consumed(const LiveQueue& queue) {
  const auto& others = queue.others;
  return queue.consumer || queue.receivers > 0 || others.asked + others.ready + others.in_flight + others.delayed > 0;
}

}  // namespace

/// As long as nothing leaves the queue its head stays the same one. What goes back comes behind what went back before,
/// so looking is for those alone who don't know, and takes all that an ordered queue may have got back.
void RabbitMqBroker::Parts::watch_head(const LiveQueuePtr& queue) {
  auto& head = queue->head;
  if (head.looking) return;
  if (queue->counts.ready == 0 || is_consumed(*queue)) {
    head = {};
    return;
  }
  const auto now = SteadyClock::now();
  if (!head.since) head.since = clock();
  if (head.watched_since == SteadyClock::time_point{}) head.watched_since = now;
  if (queue->counts.ready < head.ready || now > head.known_at + known_for) head.known = false;
  head.ready = queue->counts.ready;
  const bool first = std::ranges::all_of(running, [this](auto other) { return instance < other; });
  const bool known = head.known || queue->others.oldest || (head.looked_at && now < *head.looked_at + least_between);
  if (!first || known || now - head.watched_since < settings.idle || !queue->may_be_consumed()) return;
  head.looking = true;
  background.spawn("look at the head of a queue", look_at_head(queue));
}

asio::awaitable<void> RabbitMqBroker::Parts::look_at_head(LiveQueuePtr queue) {
  auto& head = queue->head;
  amqp::ConsumerHandler handler;
  handler.on_messages = [&head, queue](const std::vector<amqp::ReceivedMessage>& messages) {
    if (messages.empty() || head.known) return;
    const auto queued = rabbitmq::read_message(messages.front());
    if (queued) head.since = queued->entered_at();
    head.known = true;
    queue->filled.notify_all();
  };
  const auto until = SteadyClock::now() + patience_for_head;
  const std::uint16_t prefetch = queue->record.definition.ordered ? settings.ordered_prefetch : 1;
  const auto consumer = consuming.consume(queue->name(), prefetch, std::move(handler));
  while (!head.known && !queue->removed && !stopped && SteadyClock::now() < until)
    co_await queue->filled.wait_until(until);
  consumer->cancel();
  head.known = true;  // or nothing came: not before something changes
  head.known_at = SteadyClock::now();
  head.looked_at = head.known_at;
  head.looking = false;
  queue->filled.notify_all();
}

}  // namespace eventbus
