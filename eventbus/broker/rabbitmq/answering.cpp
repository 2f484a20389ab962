// What consumers say of their deliveries: carried out here, or by the instance that holds them.
#include <algorithm>
#include <map>

#include "eventbus/broker/rabbitmq/broker_parts.hpp"
#include "eventbus/delivery/unknown_queue.hpp"

namespace eventbus {

using rabbitmq::DeliveryId;
using rabbitmq::InstanceId;
using rabbitmq::LiveQueue;
using rabbitmq::LiveQueuePtr;
using rabbitmq::SettleOrder;
using rabbitmq::SettleOutcome;
using Action = SettleOrder::Action;

/// What became of one request, which several instances may have a share in.
void RabbitMqBroker::Parts::Tally::add(InstanceId owner, const SettleOutcome& outcome) {
  settled.settled += outcome.settled;
  for (const auto number : outcome.unknown) settled.unknown.push_back(encode(DeliveryId{owner, number}));
}

asio::awaitable<Settled> RabbitMqBroker::Parts::settle(SettleOrder order, std::vector<std::string> delivery_ids) {
  const auto tally = std::make_shared<Tally>();
  std::map<InstanceId, std::vector<std::uint64_t>> shares;
  for (auto& text : delivery_ids) {
    if (const auto id = rabbitmq::parse_delivery_id(text)) {
      shares[id->instance].push_back(id->number);
    } else {
      tally->settled.unknown.push_back(std::move(text));
    }
  }
  TaskGroup asked(loop);
  for (auto& [owner, deliveries] : shares) {
    order.deliveries = std::move(deliveries);
    asked.spawn("settle", settle_share(owner, order, tally));
  }
  co_await asked.join();
  if (tally->failure) std::rethrow_exception(tally->failure);
  co_return std::move(tally->settled);
}

asio::awaitable<void> RabbitMqBroker::Parts::settle_share(InstanceId owner, SettleOrder order,
                                                          std::shared_ptr<Tally> tally) {
  try {
    auto work = owner == instance ? settle_here(std::move(order)) : forwarding.ask(owner, std::move(order));
    const auto outcome = co_await std::move(work);
    tally->add(owner, outcome);
  } catch (const std::exception&) {
    tally->failure = std::current_exception();
  }
}

asio::awaitable<SettleOutcome> RabbitMqBroker::Parts::settle_here(SettleOrder order) {
  const auto queue = co_await find(order.queue);
  SettleOutcome outcome;
  if (!queue) {
    outcome.unknown = std::move(order.deliveries);
    co_return outcome;
  }
  if (order.action == Action::purge) {
    if (queue->record.id != order.queue_id) co_return outcome;
    queue->record.purged_to = std::max(queue->record.purged_to, order.purged_to);
    outcome.settled = co_await purge_here(queue);
    co_return outcome;
  }
  if (order.action == Action::extend) co_return extend(*queue, order.deliveries, order.lease);
  Serials serials;
  for (const auto number : order.deliveries) {
    const auto serial = queue->buffer.leased_as(number);
    if (serial && queue->buffer.settle(*serial)) {
      serials.push_back(*serial);
    } else {
      outcome.unknown.push_back(number);
    }
  }
  outcome.settled = serials.size();
  if (order.action == Action::ack) {
    co_await acknowledge(queue, std::move(serials));
  } else {
    co_await failed(queue, std::move(serials), std::move(order.nack), false);
    queue->metrics.nacked.add(static_cast<double>(outcome.settled));
  }
  co_return outcome;
}

asio::awaitable<void> RabbitMqBroker::Parts::acknowledge(LiveQueuePtr queue, Serials serials) {
  std::map<std::string, double> types;
  for (const auto serial : serials) types[queue->buffer.settling(serial)->queued.event.event->event_type] += 1;
  const auto count = static_cast<double>(serials.size());
  co_await done(queue, std::move(serials));
  auto& meters = queue->metrics;
  for (const auto& [type, events] : types) meters.consumed(type).add(events);
  meters.acked.add(count);
}

SettleOutcome RabbitMqBroker::Parts::extend(LiveQueue& queue, const std::vector<std::uint64_t>& deliveries,
                                            std::chrono::milliseconds lease) const {
  SettleOutcome outcome;
  const auto until = clock() + lease;
  for (const auto number : deliveries) {
    const auto serial = queue.buffer.leased_as(number);
    if (serial && queue.buffer.extend(*serial, until)) {
      ++outcome.settled;
    } else {
      outcome.unknown.push_back(number);
    }
  }
  return outcome;
}

asio::awaitable<Result<Settled>> RabbitMqBroker::ack(std::string name, std::vector<std::string> delivery_ids) {
  const auto queue = co_await parts_->find(name);
  if (!queue) co_return delivery::unknown_queue(name);
  SettleOrder order{.action = Action::ack, .queue = std::move(name)};
  co_return co_await parts_->settle(std::move(order), std::move(delivery_ids));
}

asio::awaitable<Result<Settled>> RabbitMqBroker::nack(std::string name, std::vector<std::string> delivery_ids,
                                                      NackOptions options) {
  const auto queue = co_await parts_->find(name);
  if (!queue) co_return delivery::unknown_queue(name);
  SettleOrder order{.action = Action::nack, .queue = std::move(name), .nack = std::move(options)};
  co_return co_await parts_->settle(std::move(order), std::move(delivery_ids));
}

asio::awaitable<Result<Settled>> RabbitMqBroker::extend(std::string name, std::vector<std::string> delivery_ids,
                                                        std::chrono::milliseconds lease) {
  const auto queue = co_await parts_->find(name);
  if (!queue) co_return delivery::unknown_queue(name);
  SettleOrder order{.action = Action::extend, .queue = std::move(name), .lease = lease};
  co_return co_await parts_->settle(std::move(order), std::move(delivery_ids));
}

}  // namespace eventbus
