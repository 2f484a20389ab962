#include "eventbus/broker/rabbitmq/rabbitmq_broker.hpp"

#include <algorithm>

#include "eventbus/broker/rabbitmq/broker_parts.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus {

using rabbitmq::LiveQueuePtr;
using SteadyClock = std::chrono::steady_clock;

namespace {

constexpr std::chrono::milliseconds longest_pause{100};

}  // namespace

RabbitMqBroker::RabbitMqBroker(const asio::any_io_executor& loop, EventStore& store, postgres::ConnectionPool& database,
                               BrokerMetrics& metrics, RabbitMqSettings settings, BrokerClock clock)
    : parts_(std::make_shared<Parts>(loop, store, database, metrics, std::move(settings), std::move(clock))) {
  const auto link_changed = [weak = std::weak_ptr(parts_)](amqp::LinkState state) {
    const auto parts = weak.lock();
    if (!parts) return;
    if (state == amqp::LinkState::disconnected) parts->topology_made = false;
    parts->changed.notify_all();
  };
  parts_->publishing.on_change(link_changed);
  parts_->consuming.on_change(link_changed);
}

RabbitMqBroker::~RabbitMqBroker() = default;

EventSink& RabbitMqBroker::sink() {
  return parts_->publisher;
}

std::vector<EventSource*> RabbitMqBroker::sources() {
  std::vector<EventSource*> sources;
  for (const auto& queue : parts_->ingest_queues) sources.push_back(queue.get());
  return sources;
}

bool RabbitMqBroker::connected() const {
  return connections() == 2;
}

std::string RabbitMqBroker::trouble() const {
  auto trouble = parts_->publishing.trouble();
  return trouble.empty() ? parts_->consuming.trouble() : trouble;
}

int RabbitMqBroker::connections() const {
  const auto established = [](const amqp::Connection& connection) {
    return connection.state() == amqp::LinkState::disconnected ? 0 : 1;
  };
  return established(parts_->publishing) + established(parts_->consuming);
}

asio::awaitable<void> RabbitMqBroker::start() {
  co_await parts_->catalog.migrate();
  co_await parts_->forwarding.open();
  co_await parts_->refresh();
}

asio::awaitable<void> RabbitMqBroker::run() {
  auto& parts = *parts_;
  TaskGroup forwarding(parts.loop);
  forwarding.spawn("settle for other instances", parts.forwarding.run());
  auto next_refresh = SteadyClock::now();
  while (!parts.stopped) {
    std::vector<LiveQueuePtr> all;
    all.reserve(parts.queues.size());
    for (const auto& entry : parts.queues) all.push_back(entry.second);
    for (const auto& queue : all) parts.tick(queue);
    if (SteadyClock::now() >= next_refresh) {
      co_await Parts::in_background(parts.look_around(std::move(all)));
      next_refresh = SteadyClock::now() + parts.settings.refresh;
    }
    if (!parts.stopped) co_await parts.changed.wait_until(SteadyClock::now() + longest_pause);
  }
  for (const auto& entry : parts.queues) parts.stop_consuming(*entry.second);
  parts.forwarding.stop();
  co_await forwarding.join();
  co_await parts.background.join();
}

/// What changed without us: other instances' queues, the server's counts, consumers that nobody asks any more.
asio::awaitable<void> RabbitMqBroker::Parts::look_around(std::vector<LiveQueuePtr> all) {
  co_await refresh();
  if (consuming.state() == amqp::LinkState::disconnected) co_return;
  if (!topology_made) co_await ensure_topology();
  for (const auto& queue : all) {
    if (queue->removed) continue;
    co_await count(queue);
    const bool limited = queue->record.definition.message_ttl || queue->record.definition.max_length;
    if (limited && queue->counts.ready > 0) consume(queue);
    const bool unasked = queue->receivers == 0 && SteadyClock::now() - queue->last_receive > settings.idle;
    if (!limited && unasked && queue->buffer.in_flight() + queue->buffer.held() == 0) stop_consuming(*queue);
    if (queue->record.backfilled_to && !queue->backfilling)
      background.spawn("backfill", in_background(backfill(queue)));
  }
}

void RabbitMqBroker::stop() {
  parts_->stopped = true;
  parts_->changed.notify_all();
  for (const auto& entry : parts_->queues) entry.second->arrived.notify_all();
}

}  // namespace eventbus
