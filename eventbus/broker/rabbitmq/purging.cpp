// Purging a queue: on the server, and at every instance.
#include <algorithm>

#include "eventbus/broker/rabbitmq/broker_parts.hpp"
#include "eventbus/delivery/unknown_queue.hpp"

namespace eventbus {

using rabbitmq::LiveQueuePtr;
using rabbitmq::SettleOrder;
using SteadyClock = std::chrono::steady_clock;

namespace {

constexpr std::chrono::seconds patience_for_relay{2};
constexpr std::chrono::milliseconds relay_interval{20};
constexpr std::chrono::milliseconds patience_for_letter{1000};  // whoever purges asks, and counts

}  // namespace

/// First what lies on the server, then what instances hold, then what went back meanwhile. What comes later is dropped
/// when it comes, unless it came before.
asio::awaitable<Result<std::uint64_t>> RabbitMqBroker::purge(std::string name) {
  auto& parts = *parts_;
  const auto queue = co_await parts.find(name);
  if (!queue) co_return delivery::unknown_queue(name);
  co_await parts.topology.until_connected();
  const auto newest = co_await parts.store.look();
  std::vector<std::string> held;
  if (queue->record.definition.ordered) held = co_await parts.held_names(name);
  co_await parts.catalog.set_purged(queue->record.id, newest);
  queue->record.purged_to = std::max(queue->record.purged_to, newest);
  co_await parts.until_relayed(newest);
  auto gone = co_await parts.purge_server(queue);
  gone += co_await parts.purge_everywhere(queue);
  gone += co_await parts.purge_server(queue);
  if (queue->removed) co_return delivery::unknown_queue(name);
  queue->counts.ready = queue->counts.delayed = 0;
  const bool none_in_flight = queue->buffer.in_flight() + queue->others.in_flight == 0;
  if (none_in_flight && !held.empty()) co_await parts.catalog.unhold(std::move(name), std::move(held));
  co_return gone;
}

/// Another queue of its name may be there by now.
asio::awaitable<std::uint64_t> RabbitMqBroker::Parts::purge_server(LiveQueuePtr queue) {
  if (!queue->wanted()) co_return 0;
  auto record = queue->record;
  co_return co_await topology.purge(std::move(record));
}

asio::awaitable<std::vector<std::string>> RabbitMqBroker::Parts::held_names(std::string queue) {
  std::vector<std::string> names;
  for (auto& [held, retry] : co_await catalog.held(std::move(queue))) names.push_back(held);
  co_return names;
}

/// Or a while has passed.
asio::awaitable<void> RabbitMqBroker::Parts::until_relayed(Position newest) {
  const auto until = SteadyClock::now() + patience_for_relay;
  while (!stopped && SteadyClock::now() < until) {
    const auto waiting = co_await outbox.advance({}, 1);
    if (waiting.empty() || waiting.front().first > newest) co_return;
    co_await changed.wait_until(std::min(until, SteadyClock::now() + relay_interval));
  }
}

asio::awaitable<std::uint64_t> RabbitMqBroker::Parts::purge_everywhere(LiveQueuePtr queue) {
  co_await exchange_shares();
  const SettleOrder order{.action = SettleOrder::Action::purge,
                          .queue = queue->name(),
                          .queue_id = queue->record.id,
                          .purged_to = queue->record.purged_to};
  const auto tally = std::make_shared<Tally>();
  TaskGroup asked(loop);
  asked.spawn("purge", settle_share(instance, order, tally));
  for (const auto other : running) asked.spawn("purge", settle_share(other, order, tally));
  co_await asked.join();
  if (tally->failure) std::rethrow_exception(tally->failure);
  co_return tally->settled.settled;
}

asio::awaitable<void> RabbitMqBroker::Parts::purge_later(LiveQueuePtr queue, Serials serials) {
  co_await pause(patience_for_letter);
  const auto purged = queue->buffer.purge(serials);
  co_await done(queue, purged, true);
}

/// What is in flight stays.
asio::awaitable<std::uint64_t> RabbitMqBroker::Parts::purge_here(LiveQueuePtr queue) {
  const auto until = SteadyClock::now() + rabbitmq::patience_for_arrivals;
  while (queue->head.looking && SteadyClock::now() < until) co_await queue->filled.wait_until(until);
  if (queue->consumer) co_await rabbitmq::until_arrived(queue->consumer, until);
  const auto serials = queue->buffer.purge(queue->buffer.all_waiting());
  const auto gone = serials.size() + drop_unsifted(*queue);
  co_await done(queue, serials, true);
  co_return gone;
}

}  // namespace eventbus
