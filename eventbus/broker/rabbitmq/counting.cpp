// How much there is of a queue: on the server, here, at the other instances, and on its way.
#include <algorithm>
#include <iterator>
#include <span>

#include "eventbus/broker/rabbitmq/broker_parts.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus {

using rabbitmq::LiveQueue;
using rabbitmq::LiveQueuePtr;
using rabbitmq::QueueShare;
using rabbitmq::QueueShares;
using rabbitmq::ServerCounts;

namespace {

constexpr int most_looks = 3;  // at a queue whose messages keep moving
constexpr std::chrono::seconds lately{1};
constexpr std::size_t most_positions = 1000;  // looked up at a time

QueueShare share_of(const LiveQueue& queue) {
  return {.ready = queue.waiting(),
          .in_flight = queue.buffer.in_flight(),
          .delayed = queue.buffer.held(),
          .arriving = queue.arriving.size(),
          .consumers = queue.receivers,
          .asked = queue.unasked_for(lately) ? 0U : 1U,
          .oldest = queue.oldest_since()};
}

}  // namespace

/// A message on its way from the server here counts once: what moves during the look is looked at again, and what the
/// server sent before has arrived.
asio::awaitable<void> RabbitMqBroker::Parts::count(LiveQueuePtr queue) {
  for (int look = 0; look < most_looks; ++look) {
    const auto moves = queue->moves;
    const auto relayed = co_await relayed_of(queue);  // before the look, so that it counts them
    const auto consumer = queue->consumer;
    auto record = queue->record;
    Delays gone;
    auto counts = co_await topology.count(std::move(record), gone);
    if (!gone.empty()) co_await forget_retry_queues(queue, std::move(gone));
    if (consumer)
      co_await rabbitmq::until_arrived(consumer, std::chrono::steady_clock::now() + rabbitmq::patience_for_arrivals);
    if (counts.missing && queue->wanted()) {
      log_warning("a queue is gone from RabbitMQ, with what lay in it; it is made again",
                  {{"queue", std::string_view(queue->name())}});
      doubt_topology();
    }
    if (queue->moves != moves && look + 1 < most_looks) continue;
    queue->counts = counts;
    for (const auto position : relayed) queue->arriving.erase(position);
    co_return;
  }
}

/// Of what arrives, what the server has by now. Nothing while the database does not tell.
asio::awaitable<std::vector<Position>> RabbitMqBroker::Parts::relayed_of(LiveQueuePtr queue) {
  const std::vector<Position> arriving(queue->arriving.begin(), queue->arriving.end());
  std::vector<Position> relayed;
  for (std::span<const Position> left = arriving; !left.empty();) {
    const auto part = left.first(std::min(left.size(), most_positions));
    left = left.subspan(part.size());
    std::vector<Position> held;
    try {
      std::vector<Position> asked(part.begin(), part.end());
      held = co_await outbox.held(std::move(asked));
    } catch (const Unavailable&) {
      co_return relayed;  // others tell that the database is away
    }
    std::ranges::sort(held);
    std::ranges::set_difference(part, held, std::back_inserter(relayed));
    if (held.size() == part.size()) break;  // later ones wait behind them
  }
  co_return relayed;
}

/// While this instance can't look at the server.
asio::awaitable<void> RabbitMqBroker::Parts::forget_what_others_relay() {
  std::vector<LiveQueuePtr> arriving;
  for (const auto& [name, queue] : queues) {
    if (!queue->arriving.empty()) arriving.push_back(queue);
  }
  for (const auto& queue : arriving) {
    for (const auto position : co_await relayed_of(queue)) queue->arriving.erase(position);
  }
}

/// Others know what this instance holds, and it knows what they do.
asio::awaitable<void> RabbitMqBroker::Parts::exchange_shares() {
  QueueShares own;
  for (const auto& [name, queue] : queues) own.emplace(queue->record.id, share_of(*queue));
  auto shown = own;
  const auto others = co_await board.exchange(std::move(shown));
  running.clear();
  for (const auto& [other, shares] : others) running.push_back(other);
  for (const auto& [name, queue] : queues) {
    const auto id = queue->record.id;
    queue->others = {};
    const auto mine = own.find(id);
    const std::pair here{mine == own.end() ? 0 : mine->second.ready, instance};
    bool most = true;
    for (const auto& [other, shares] : others) {
      const auto place = shares.find(id);
      if (place == shares.end()) continue;
      queue->others += place->second;
      if (std::pair{place->second.ready, other} > here) most = false;
    }
    queue->has_most = most && std::exchange(queue->had_most, most);
    follow_demand(queue);
  }
}

asio::awaitable<void> RabbitMqBroker::Parts::look_at_counts() {
  co_await count_dead_letters();
  if (!connected()) co_await forget_what_others_relay();
  const auto ordered = [](const auto& entry) { return entry.second->record.definition.ordered; };
  std::map<std::string, std::uint64_t> held;  // by queue; only ordered ones have any
  if (std::ranges::any_of(queues, ordered)) held = co_await catalog.count_held();
  for (const auto& [name, queue] : queues) {
    const auto place = held.find(name);
    queue->held_retries = place == held.end() ? 0 : place->second;
  }
  co_await exchange_shares();
}

QueueInfo RabbitMqBroker::Parts::info_of(const LiveQueue& queue) const {
  auto all = share_of(queue);
  all += queue.others;
  // What nobody consumes waits on the server among the others.
  const auto held = std::min(queue.held_retries - std::min(queue.held_retries, all.delayed), queue.counts.ready);
  QueueInfo info;
  info.definition = queue.record.definition;
  info.paused = queue.record.paused;
  info.ready = queue.counts.ready - held + all.ready;
  info.in_flight = all.in_flight;
  info.delayed = queue.counts.delayed + held + all.delayed;
  info.dead_letters = queue.dead_letters + queue.counts.resting;
  info.consumers = all.consumers;
  info.oldest_since = all.oldest ? all.oldest : queue.head.since;
  return info;
}

}  // namespace eventbus
