#include "eventbus/broker/embedded/embedded_broker.hpp"

#include <algorithm>

#include "eventbus/broker/embedded/broker_parts.hpp"
#include "eventbus/broker/embedded/sqlite_queue_storage.hpp"
#include "eventbus/delivery/admissions.hpp"

namespace eventbus {

using embedded::QueuePtr;

EmbeddedBroker::EmbeddedBroker(asio::any_io_executor executor, EventStore& store, sqlite::Database& database,
                               BrokerMetrics& metrics, BrokerSettings settings, BrokerClock clock)
    : EmbeddedBroker(std::move(executor), store, std::make_unique<embedded::SqliteQueueStorage>(database), metrics,
                     settings, std::move(clock)) {}

EmbeddedBroker::EmbeddedBroker(asio::any_io_executor executor, EventStore& store,
                               std::unique_ptr<embedded::QueueStorage> storage, BrokerMetrics& metrics,
                               BrokerSettings settings, BrokerClock clock)
    : parts_(std::make_unique<Parts>(std::move(executor), store, std::move(storage), metrics, settings,
                                     std::move(clock))) {}

EmbeddedBroker::~EmbeddedBroker() = default;

asio::awaitable<void> EmbeddedBroker::start() {
  auto& parts = *parts_;
  parts.head = parts.checkpointed = parts.store.head();
  parts.filler.start(parts.clock());
  for (auto& stored : co_await parts.storage->load()) {
    const auto queue = parts.open(stored);
    queue->restore(std::move(stored.progress), stored.rows, parts.clock());
  }
  co_await parts.count_tail();
  for (const auto& entry : parts.queues) parts.filler.fill(entry.second);
}

asio::awaitable<void> EmbeddedBroker::run() {
  using namespace std::chrono_literals;
  auto& parts = *parts_;
  while (!parts.stopped) {
    tick();
    parts.armed = Timestamp::max();
    for (const auto& entry : parts.queues) parts.arm(*entry.second);
    constexpr auto shortest = 1ms;
    constexpr auto longest = 1min;
    const auto wait = std::clamp<std::chrono::microseconds>(
        parts.armed == Timestamp::max() ? longest : parts.armed - parts.clock(), shortest, longest);
    co_await parts.alarm.wait_until(std::chrono::steady_clock::now() + wait);
  }
  parts.checkpoint(1);
  co_await parts.tasks.join();
}

void EmbeddedBroker::stop() {
  auto& parts = *parts_;
  parts.stopped = true;
  parts.filler.stop();
  parts.dead_letter_desk.stop();
  parts.stopping.notify_all();
  parts.alarm.notify_all();
  for (const auto& [name, queue] : parts.queues) {
    for (auto* waiter : queue->waiters) waiter->timer.cancel();
  }
}

void EmbeddedBroker::tick() {
  auto& parts = *parts_;
  const auto now = parts.clock();
  std::vector<QueuePtr> queues;
  queues.reserve(parts.queues.size());
  for (const auto& entry : parts.queues) queues.push_back(entry.second);
  for (const auto& queue : queues) {
    if (queue->rest_until <= now) parts.advance(queue);
  }
}

asio::awaitable<void> EmbeddedBroker::idle() {
  co_await parts_->tasks.join();
}

Result<std::unique_ptr<Admission>> EmbeddedBroker::admit(std::string_view exchange, std::string_view routing_key,
                                                         std::uint64_t count) {
  std::vector<delivery::LimitedQueue> limited;
  if (parts_->limited_queues == 0) return nullptr;
  for (const auto index : parts_->routing.match(exchange, routing_key)) {
    const auto& queue = parts_->slots[index];
    if (delivery::refuses(queue->definition)) limited.push_back(queue->limited());
  }
  return delivery::admit(std::move(limited), count);
}

void EmbeddedBroker::take(std::span<const StoredEvent> events) {
  auto& parts = *parts_;
  std::vector<bool> wanted;
  wanted.reserve(events.size());
  for (const auto& stored : events) wanted.push_back(parts.route(stored));
  parts.count_published(events, wanted);
  const auto touched = std::exchange(parts.touched, {});
  for (const auto& queue : touched) {
    queue->touched = false;
    const auto& definition = queue->definition;
    if (definition.message_ttl || definition.max_length) {
      parts.advance(queue);
    } else if (!queue->waiters.empty()) {
      parts.serve(queue);
    }
  }
  if (static_cast<std::uint64_t>(parts.head - parts.checkpointed) < parts.settings.checkpoint_events) return;
  parts.checkpointed = parts.head;
  parts.checkpoint(parts.settings.checkpoint_events / 2);
}

asio::awaitable<std::vector<QueueInfo>> EmbeddedBroker::list() {
  co_return last_known();
}

std::vector<QueueInfo> EmbeddedBroker::last_known() {
  std::vector<QueueInfo> infos;
  infos.reserve(parts_->queues.size());
  for (const auto& entry : parts_->queues) infos.push_back(parts_->describe(*entry.second));
  return infos;
}

asio::awaitable<Result<QueueInfo>> EmbeddedBroker::info(std::string queue) {
  const auto found = parts_->find(queue);
  if (!found) co_return Parts::unknown(queue);
  co_return parts_->describe(*found);
}

}  // namespace eventbus
