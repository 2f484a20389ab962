// Purging a queue: on the server, and at every instance.
#include "eventbus/broker/rabbitmq/broker_parts.hpp"
#include "eventbus/delivery/unknown_queue.hpp"

namespace eventbus {

using rabbitmq::LiveQueuePtr;
using rabbitmq::SettleOrder;
using SteadyClock = std::chrono::steady_clock;

namespace {

constexpr std::chrono::seconds patience_for_relay{2};
constexpr std::chrono::milliseconds relay_interval{20};
constexpr std::chrono::seconds patience_for_arrivals{1};

}  // namespace

/// What comes later is dropped when it comes, unless it came before.
asio::awaitable<Result<std::uint64_t>> RabbitMqBroker::purge(std::string name) {
  auto& parts = *parts_;
  const auto queue = co_await parts.find(name);
  if (!queue) co_return delivery::unknown_queue(name);
  co_await parts.topology.until_connected();
  const auto newest = co_await parts.store.look();
  co_await parts.catalog.set_purged(name, newest);
  queue->record.purged_to = std::max(queue->record.purged_to, newest);
  co_await parts.until_relayed(newest);
  auto record = queue->record;
  const auto on_server = co_await parts.topology.purge(std::move(record));
  const auto held = co_await parts.purge_everywhere(queue);
  queue->counts.ready = queue->counts.delayed = 0;
  const bool none_in_flight = queue->buffer.in_flight() + queue->others.in_flight == 0;
  if (queue->record.definition.ordered && none_in_flight) co_await parts.catalog.unhold_all_but(std::move(name), {});
  co_return on_server + held;
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
  const SettleOrder order{
      .action = SettleOrder::Action::purge, .queue = queue->name(), .purged_to = queue->record.purged_to};
  const auto tally = std::make_shared<Tally>();
  TaskGroup asked(loop);
  asked.spawn("purge", settle_share(instance, order, tally));
  for (const auto other : running) asked.spawn("purge", settle_share(other, order, tally));
  co_await asked.join();
  if (tally->failure) std::rethrow_exception(tally->failure);
  co_return tally->settled.settled;
}

/// What is in flight stays.
asio::awaitable<std::uint64_t> RabbitMqBroker::Parts::purge_here(LiveQueuePtr queue, Position purged_to) {
  queue->record.purged_to = std::max(queue->record.purged_to, purged_to);
  if (queue->consumer) co_await rabbitmq::until_arrived(queue->consumer, SteadyClock::now() + patience_for_arrivals);
  // One instance at a time consumes an ordered queue: it knows all retries that are in flight.
  const bool knows_all = queue->record.definition.ordered && queue->buffer.size() > 0;
  auto in_flight = queue->buffer.names_in_flight();
  const auto serials = queue->buffer.purge();
  const auto gone = serials.size() + drop_unsifted(*queue);
  co_await done(queue, serials);
  if (knows_all) co_await catalog.unhold_all_but(queue->name(), std::move(in_flight));
  co_return gone;
}

}  // namespace eventbus
