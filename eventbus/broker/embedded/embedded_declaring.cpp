// Queues as such: declared, changed, purged, paused, removed; and their dead letters.
#include "eventbus/broker/embedded/broker_parts.hpp"
#include "eventbus/delivery/queue_change.hpp"
#include "eventbus/store/cursor_check.hpp"

namespace eventbus {

using embedded::QueuePtr;
using embedded::StoredQueue;

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

asio::awaitable<Result<DeclareOutcome>> EmbeddedBroker::declare(QueueDefinition definition) {
  Parts::Defining defining(*parts_);
  co_await defining.enter();
  const auto queue = parts_->find(definition.name);
  if (!queue) {
    co_await parts_->create(std::move(definition));
    co_return DeclareOutcome::created;
  }
  if (queue->definition == definition) co_return DeclareOutcome::unchanged;
  if (auto allowed = delivery::changeable(queue->definition, definition); !allowed) {
    co_return std::unexpected(std::move(allowed.error()));
  }
  co_await parts_->redefine(queue, std::move(definition));
  co_return DeclareOutcome::updated;
}

asio::awaitable<void> EmbeddedBroker::Parts::create(QueueDefinition definition) {
  const auto start = definition.start_from;
  std::optional<Position> first;
  if (start.kind == StartFrom::Kind::time) first = co_await store.first_at_or_after(start.time);
  StoredQueue stored;
  stored.declared_at = head;
  stored.declared_time = clock();
  auto& progress = stored.progress;
  if (start.kind == StartFrom::Kind::now) progress.frontier = head;
  if (start.kind == StartFrom::Kind::time) progress.frontier = first ? std::min(*first - 1, head) : head;
  progress.counted_to = progress.frontier;
  stored.epochs.push_back({0, definition.bindings});
  stored.definition = std::move(definition);
  stored.id = co_await storage->create(stored);
  const auto queue = open(stored);
  queue->restore(std::move(stored.progress), {}, clock());
  advance(queue);
}

void EmbeddedBroker::Parts::apply(const QueuePtr& queue, const QueueDefinition& definition) {
  if (queue->definition.bindings != definition.bindings) {
    if (queue->routed) routing.remove(queue->index, queue->definition.bindings);
    queue->history.forget(queue->cursor.persisted_frontier());
    queue->history.change(head, definition.bindings);
    if (queue->routed) routing.add(queue->index, definition.bindings);
  }
  if (queue->definition.max_length) --limited_queues;
  if (definition.max_length) ++limited_queues;
  queue->definition = definition;
  queue->state.redefine(definition);
}

// Applied first: events that arrive while it is written are routed by the new bindings, as they will be after a
// restart.
asio::awaitable<void> EmbeddedBroker::Parts::redefine(QueuePtr queue, QueueDefinition definition) {
  const auto old = queue->definition;
  apply(queue, definition);
  try {
    co_await storage->redefine(queue->id, definition, queue->history.epochs());
  } catch (const Unavailable&) {
    if (!queue->removed) apply(queue, old);
    throw;
  }
  writer.write(queue, true);  // a start counts from here, where one set of bindings decides
  advance(queue);
}

asio::awaitable<Result<void>> EmbeddedBroker::remove(std::string name) {
  Parts::Defining defining(*parts_);
  co_await defining.enter();
  const auto queue = parts_->find(name);
  if (!queue) co_return Parts::unknown(name);
  co_await parts_->storage->remove(queue->id);
  parts_->close(queue);
  co_return Result<void>{};
}

asio::awaitable<Result<std::uint64_t>> EmbeddedBroker::purge(std::string name) {
  const auto queue = parts_->find(name);
  if (!queue) co_return Parts::unknown(name);
  const auto purged = queue->purge(parts_->head);
  co_await parts_->writer.durable(queue);
  co_return purged;
}

asio::awaitable<Result<void>> EmbeddedBroker::set_paused(std::string name, bool paused) {
  Parts::Defining defining(*parts_);
  co_await defining.enter();
  const auto queue = parts_->find(name);
  if (!queue) co_return Parts::unknown(name);
  co_await parts_->storage->set_paused(queue->id, paused);
  queue->paused = paused;
  parts_->advance(queue);
  co_return Result<void>{};
}

asio::awaitable<Result<DeadLetterPage>> EmbeddedBroker::dead_letters(std::string name, LogPlace after,
                                                                     std::size_t limit) {
  const auto queue = parts_->find(name);
  if (!queue) co_return Parts::unknown(name);
  const auto checked = co_await check_cursor(parts_->store, after);
  if (!checked) co_return std::unexpected(checked.error());
  co_return co_await parts_->dead_letter_desk.page(queue, after.position, limit);
}

asio::awaitable<Result<RedriveOutcome>> EmbeddedBroker::redrive(std::string name, DeadLetterSelection selection,
                                                                std::uint32_t events_per_second, bool dry_run) {
  const auto queue = parts_->find(name);
  if (!queue) co_return Parts::unknown(name);
  co_return co_await parts_->dead_letter_desk.move(queue, std::move(selection), true, events_per_second, dry_run);
}

asio::awaitable<Result<std::uint64_t>> EmbeddedBroker::delete_dead_letters(std::string name,
                                                                           DeadLetterSelection selection,
                                                                           std::uint32_t events_per_second,
                                                                           bool dry_run) {
  const auto queue = parts_->find(name);
  if (!queue) co_return Parts::unknown(name);
  const auto outcome =
      co_await parts_->dead_letter_desk.move(queue, std::move(selection), false, events_per_second, dry_run);
  co_return outcome.matched;
}

}  // namespace eventbus
