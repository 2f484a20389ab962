#include "eventbus/broker/embedded/embedded_broker.hpp"

#include <algorithm>

#include "eventbus/broker/embedded/broker_parts.hpp"
#include "eventbus/broker/embedded/sqlite_queue_storage.hpp"
#include "eventbus/delivery/admissions.hpp"
#include "eventbus/delivery/queue_change.hpp"
#include "eventbus/delivery/unknown_queue.hpp"
#include "eventbus/store/cursor_check.hpp"

namespace eventbus {

using delivery::unknown_queue;
using embedded::QueuePtr;

/// Definitions change one after the other, so that two declarations of one name cannot both be new.
class EmbeddedBroker::Parts::Defining {
 public:
  explicit Defining(Parts& parts) : parts_(parts) {}
  ~Defining() {
    if (!held_) return;
    parts_.defining = false;
    parts_.defined.notify_one();
  }
  Defining(const Defining&) = delete;
  Defining& operator=(const Defining&) = delete;

  asio::awaitable<void> enter() {
    while (parts_.defining) co_await parts_.defined.wait();
    parts_.defining = held_ = true;
  }

 private:
  Parts& parts_;
  bool held_ = false;
};

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
    for (const auto& entry : parts.queues) entry.second->served.arm();
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
  for (const auto& entry : parts.queues) entry.second->served.send_home();
}

void EmbeddedBroker::tick() {
  std::vector<QueuePtr> queues;
  queues.reserve(parts_->queues.size());
  for (const auto& entry : parts_->queues) queues.push_back(entry.second);
  for (const auto& queue : queues) queue->served.tick();
}

asio::awaitable<void> EmbeddedBroker::idle() {
  co_await parts_->tasks.join();
}

Result<std::unique_ptr<Admission>> EmbeddedBroker::admit(std::string_view exchange, std::string_view routing_key,
                                                         std::uint64_t count) {
  std::vector<delivery::LimitedQueue> limited;
  if (parts_->limited_queues == 0) return nullptr;
  for (const auto index : parts_->routing.match(exchange, routing_key)) {
    const auto& served = parts_->slots[index]->served;
    if (delivery::refuses(served.definition())) limited.push_back(served.limited());
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
    const auto& definition = queue->served.definition();
    if (definition.message_ttl || definition.max_length) {
      queue->served.advance();
    } else if (queue->served.awaited()) {
      queue->served.serve();
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
  for (const auto& entry : parts_->queues) infos.push_back(entry.second->served.info());
  return infos;
}

asio::awaitable<Result<QueueInfo>> EmbeddedBroker::info(std::string queue) {
  const auto found = parts_->find(queue);
  if (!found) co_return unknown_queue(queue);
  co_return found->served.info();
}

asio::awaitable<Result<DeclareOutcome>> EmbeddedBroker::declare(QueueDefinition definition) {
  Parts::Defining defining(*parts_);
  co_await defining.enter();
  const auto queue = parts_->find(definition.name);
  if (!queue) {
    co_await parts_->create(std::move(definition));
    co_return DeclareOutcome::created;
  }
  if (queue->served.definition() == definition) co_return DeclareOutcome::unchanged;
  if (auto allowed = delivery::changeable(queue->served.definition(), definition); !allowed) {
    co_return std::unexpected(std::move(allowed.error()));
  }
  co_await parts_->redefine(queue, std::move(definition));
  co_return DeclareOutcome::updated;
}

asio::awaitable<Result<void>> EmbeddedBroker::remove(std::string name) {
  Parts::Defining defining(*parts_);
  co_await defining.enter();
  const auto queue = parts_->find(name);
  if (!queue) co_return unknown_queue(name);
  co_await parts_->storage->remove(queue->served.id());
  parts_->close(queue);
  co_return Result<void>{};
}

asio::awaitable<Result<std::uint64_t>> EmbeddedBroker::purge(std::string name) {
  const auto queue = parts_->find(name);
  if (!queue) co_return unknown_queue(name);
  const auto purged = queue->purge();
  co_await queue->served.writer().durable();
  co_return purged;
}

asio::awaitable<Result<void>> EmbeddedBroker::set_paused(std::string name, bool paused) {
  Parts::Defining defining(*parts_);
  co_await defining.enter();
  const auto queue = parts_->find(name);
  if (!queue) co_return unknown_queue(name);
  co_await parts_->storage->set_paused(queue->served.id(), paused);
  queue->served.set_paused(paused);
  queue->served.advance();
  co_return Result<void>{};
}

asio::awaitable<Result<DeadLetterPage>> EmbeddedBroker::dead_letters(std::string name, DeadLetterCursor after,
                                                                     std::size_t limit) {
  const auto queue = parts_->find(name);
  if (!queue) co_return unknown_queue(name);
  const auto checked = co_await check_cursor(parts_->store, after.place);
  if (!checked) co_return std::unexpected(checked.error());
  co_return co_await parts_->dead_letter_desk.page(queue, after.place.position, limit);
}

asio::awaitable<Result<RedriveOutcome>> EmbeddedBroker::redrive(std::string name, DeadLetterSelection selection,
                                                                std::uint32_t events_per_second, bool dry_run) {
  const auto queue = parts_->find(name);
  if (!queue) co_return unknown_queue(name);
  co_return co_await parts_->dead_letter_desk.move(queue, std::move(selection), true, events_per_second, dry_run);
}

asio::awaitable<Result<std::uint64_t>> EmbeddedBroker::delete_dead_letters(std::string name,
                                                                           DeadLetterSelection selection,
                                                                           std::uint32_t events_per_second,
                                                                           bool dry_run) {
  const auto queue = parts_->find(name);
  if (!queue) co_return unknown_queue(name);
  const auto outcome =
      co_await parts_->dead_letter_desk.move(queue, std::move(selection), false, events_per_second, dry_run);
  co_return outcome.matched;
}

asio::awaitable<Result<std::vector<Delivery>>> EmbeddedBroker::receive(std::string name, Credit credit,
                                                                       std::chrono::steady_clock::time_point deadline) {
  const auto queue = parts_->find(name);
  if (!queue) co_return unknown_queue(name);
  if (parts_->stopped) co_return std::vector<Delivery>{};
  co_return co_await queue->served.receive(credit, deadline);
}

asio::awaitable<Result<Settled>> EmbeddedBroker::ack(std::string name, std::vector<std::string> delivery_ids) {
  const auto queue = parts_->find(name);
  if (!queue) co_return unknown_queue(name);
  co_return co_await queue->served.ack(std::move(delivery_ids));
}

asio::awaitable<Result<Settled>> EmbeddedBroker::nack(std::string name, std::vector<std::string> delivery_ids,
                                                      NackOptions options) {
  const auto queue = parts_->find(name);
  if (!queue) co_return unknown_queue(name);
  co_return co_await queue->served.nack(std::move(delivery_ids), std::move(options));
}

asio::awaitable<Result<Settled>> EmbeddedBroker::extend(std::string name, std::vector<std::string> delivery_ids,
                                                        std::chrono::milliseconds lease) {
  const auto queue = parts_->find(name);
  if (!queue) co_return unknown_queue(name);
  co_return queue->served.extend(std::move(delivery_ids), lease);
}

void EmbeddedBroker::give_back(std::string_view name, std::span<const std::string> delivery_ids) {
  if (const auto queue = parts_->find(name)) queue->served.give_back(delivery_ids);
}

}  // namespace eventbus
