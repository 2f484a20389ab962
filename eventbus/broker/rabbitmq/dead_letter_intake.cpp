// What AMQP clients reject, and what RabbitMQ itself gives up: from the dead-letter queue into the database.
#include <algorithm>

#include "eventbus/broker/rabbitmq/broker_parts.hpp"
#include "eventbus/broker/rabbitmq/names.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus {

using rabbitmq::LiveQueuePtr;

namespace {

using Messages = std::vector<amqp::ReceivedMessage>;

constexpr std::uint16_t most_in_hand = 8;
constexpr std::size_t largest_body = std::size_t{512} << 20U;  // RabbitMQ takes no larger ones
constexpr std::chrono::milliseconds patience_for_more{300};
/// RabbitMQ takes back what was held longer than half an hour, and counts that.
constexpr std::chrono::minutes longest_hold{9};

/// Messages of one dead-letter queue, as they arrive.
class Arrivals {
 public:
  explicit Arrivals(const asio::any_io_executor& loop) : came_(loop) {}

  amqp::ConsumerHandler handler(const std::string& queue) {
    amqp::ConsumerHandler handler;
    handler.on_messages = [this](std::vector<amqp::ReceivedMessage> messages) {
      std::ranges::move(messages, std::back_inserter(messages_));
      came_.notify_all();
    };
    handler.on_lost = [this] { messages_.clear(); };
    handler.on_trouble = [queue](std::string trouble) {
      log_warning("dead letters can't be taken in for now; it is tried again",
                  {{"queue", std::string_view(queue)}, {"error", std::string_view(trouble)}});
    };
    return handler;
  }
  bool empty() const { return messages_.empty(); }
  asio::awaitable<std::vector<amqp::ReceivedMessage>> next(std::chrono::steady_clock::time_point until) {
    if (messages_.empty()) co_await came_.wait_until(until);
    co_return std::exchange(messages_, {});
  }

 private:
  Signal came_;
  std::vector<amqp::ReceivedMessage> messages_;
};

std::vector<amqp::DeliveryTag> tags_of(const Messages& messages) {
  std::vector<amqp::DeliveryTag> tags;
  for (const auto& message : messages) tags.push_back(message.delivery_tag);
  return tags;
}

/// RabbitMQ gave them up for that alone.
Messages take_those_handed_out_too_often(Messages& messages, std::string_view queue) {
  const auto others = std::ranges::stable_partition(messages, [queue](const amqp::ReceivedMessage& message) {
    return !rabbitmq::handed_out_too_often(message, queue);
  });
  Messages taken(std::move_iterator(others.begin()), std::move_iterator(others.end()));
  messages.erase(others.begin(), others.end());
  return taken;
}

}  // namespace

void RabbitMqBroker::Parts::begin_to_take_in(const LiveQueuePtr& queue) {
  if (queue->taking_in || queue->counts.resting == 0 || !queue->wanted() || stopped || !connected()) return;
  queue->taking_in = true;
  background.spawn("take in dead letters", in_background(take_in_dead_letters(queue)));
}

/// Until nothing comes any more: another instance may be at it, one consumer at a time is active. RabbitMQ counts what
/// it gets back, so nothing is taken while the database does not answer, and nothing left in hand.
asio::awaitable<void> RabbitMqBroker::Parts::take_in_dead_letters(LiveQueuePtr queue) {
  struct Ending {
    LiveQueue& of;
    ~Ending() {
      of.taking_in = false;
      of.taken_in.notify_all();
    }
  };
  const Ending ending{*queue};
  co_await count_dead_letters();
  Arrivals arrivals(loop);
  const auto name = rabbitmq::dead_letter_queue(queue->name());
  const auto consumer = consuming.consume(name, most_in_hand, arrivals.handler(name), largest_body);
  const auto forget = [&consumer, &queue](const Messages& messages) {
    queue->counts.resting -= std::min<std::uint64_t>(queue->counts.resting, messages.size());
    return consumer->settle(tags_of(messages), amqp::Settlement::ack);
  };
  while (!queue->removed && !stopped) {
    auto messages = co_await arrivals.next(std::chrono::steady_clock::now() + patience_for_more);
    if (messages.empty()) {
      const auto until = std::chrono::steady_clock::now() + settings.timeout;
      const bool all_here = co_await rabbitmq::until_arrived(consumer, until);
      if (arrivals.empty() && (all_here || !connected())) break;
      continue;
    }
    const auto give_up_at = std::chrono::steady_clock::now() + longest_hold;
    const auto back = take_those_handed_out_too_often(messages, queue->name());
    const Work returning = [this, &queue, &back] { return return_to_queue(*queue, back); };
    const Work resting = [this, &queue, &messages] { return rest(queue, messages); };
    if (!back.empty()) {
      const bool returned = co_await insist(queue, returning, give_up_at);
      if (!returned) throw Unavailable("taking in dead letters", "RabbitMQ takes none back");
      co_await forget(back);
    }
    if (messages.empty()) continue;
    const bool rest_now = co_await insist(queue, resting, give_up_at);
    if (!rest_now) co_await postpone(*queue, messages);
    co_await forget(messages);
  }
  queue->counts.resting = co_await topology.ready(name);
}

/// Tries until it succeeds. False: not by then. Throws when it is of no use any more.
asio::awaitable<bool> RabbitMqBroker::Parts::insist(LiveQueuePtr queue, const Work& work,
                                                    std::chrono::steady_clock::time_point give_up_at) {
  while (!queue->removed && !stopped) {
    try {
      co_await work();
      co_return true;
    } catch (const Unavailable& error) {
      log(level_of(error, troubles), "dead letters can't be taken in for now; it is tried again",
          {{"queue", std::string_view(queue->name())}, {"error", std::string_view(error.what())}});
    }
    if (std::chrono::steady_clock::now() >= give_up_at) co_return false;
    co_await pause(rest_after_failure);
  }
  throw Unavailable("taking in dead letters", "the service stops, or the queue was deleted");
}

/// The database takes nothing. What RabbitMQ 4 gets back 20 times it destroys: it gets something new instead.
asio::awaitable<void> RabbitMqBroker::Parts::postpone(const LiveQueue& queue,
                                                      const std::vector<amqp::ReceivedMessage>& messages) {
  std::vector<amqp::Message> anew;
  anew.reserve(messages.size());
  for (const auto& message : messages) anew.push_back(rabbitmq::postponed(message, queue.name(), clock()));
  return publisher.publish_direct(std::move(anew));
}

/// That RabbitMQ handed them out too often is no fault of theirs.
asio::awaitable<void> RabbitMqBroker::Parts::return_to_queue(const LiveQueue& queue,
                                                             const std::vector<amqp::ReceivedMessage>& messages) {
  std::vector<amqp::Message> back;
  back.reserve(messages.size());
  for (const auto& message : messages) back.push_back(rabbitmq::returned(message, queue.name()));
  return publisher.publish_direct(std::move(back));
}

/// RabbitMQ 4 says of all of them that it has handed them out before.
asio::awaitable<void> RabbitMqBroker::Parts::rest(LiveQueuePtr queue, const Messages& messages) {
  std::vector<std::string> entries;
  for (const auto& message : messages) {
    auto entry = message.redelivered ? rabbitmq::entry_name(message) : std::string();
    if (!entry.empty()) entries.push_back(std::move(entry));
  }
  std::set<std::string> known;
  if (!entries.empty()) known = co_await letters.known(queue->record.id, std::move(entries));
  const auto now = clock();
  std::vector<rabbitmq::RestingMessage> resting;
  std::map<std::string, double> reasons;
  for (const auto& message : messages) {
    auto one = rabbitmq::to_rest(message, queue->name(), now);
    if (message.redelivered && known.contains(one.entry)) continue;
    if (one.entry.starts_with('#')) one.entry = unique_name(message.delivery_tag);
    reasons[one.death.reason] += 1;
    resting.push_back(std::move(one));
  }
  queue->dead_letters += co_await add_dead_letters(queue, std::move(resting));
  for (const auto& [reason, count] : reasons) metrics.dead_letters.with({queue->name(), reason}).add(count);
}

}  // namespace eventbus
