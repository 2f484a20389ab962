// Queues as such: declared, changed, purged, paused, removed.
#include <algorithm>

#include "eventbus/broker/rabbitmq/broker_parts.hpp"
#include "eventbus/delivery/admissions.hpp"
#include "eventbus/delivery/queue_change.hpp"
#include "eventbus/delivery/unknown_queue.hpp"

namespace eventbus {

using rabbitmq::LiveQueuePtr;
using rabbitmq::QueueCatalog;
using rabbitmq::QueueClaim;
using rabbitmq::QueueRecord;
using rabbitmq::Topology;

namespace {

constexpr std::chrono::seconds patience_for_backfill{1};
constexpr std::chrono::milliseconds look_again_after{50};

bool is_ingest_queue(const RabbitMqSettings& settings, const std::string& name) {
  return std::ranges::find(settings.ingest_queues, name) != settings.ingest_queues.end();
}

}  // namespace

asio::awaitable<Result<DeclareOutcome>> RabbitMqBroker::declare(QueueDefinition definition) {
  auto& parts = *parts_;
  if (is_ingest_queue(parts.settings, definition.name)) {
    co_return fail(ErrorCode::queue_conflict,
                   "Queue '" + definition.name +
                       "' is an ingest queue (EVENTBUS_INGEST_QUEUE): its messages become events. "
                       "Declare a queue of another name.");
  }
  const auto until = std::chrono::steady_clock::now() + Parts::patience_for_others;
  for (;;) {
    co_await parts.refresh();
    const auto queue = parts.known(definition.name);
    std::optional<Result<DeclareOutcome>> outcome;
    if (queue) {
      outcome = co_await parts.redeclare(queue, definition);
    } else {
      outcome = co_await parts.create(definition);
    }
    if (outcome) co_return std::move(*outcome);
    co_await parts.wait_for_others("declaring a queue", definition.name, until);
  }
}

asio::awaitable<void> RabbitMqBroker::Parts::wait_for_others(std::string_view operation, const std::string& queue,
                                                             std::chrono::steady_clock::time_point until) {
  const auto now = std::chrono::steady_clock::now();
  if (now >= until) {
    Unavailable later(operation,
                      "queue '" + queue + "' is being made or deleted just now. Try again in a few seconds.");
    later.tell_client(later.what());
    throw later;
  }
  co_await changed.wait_until(now + look_again_after);
}

asio::awaitable<std::optional<Result<DeclareOutcome>>> RabbitMqBroker::Parts::redeclare(LiveQueuePtr queue,
                                                                                        QueueDefinition definition) {
  const auto old = queue->record.definition;
  if (auto allowed = delivery::changeable(old, definition); !allowed)
    co_return std::unexpected(std::move(allowed.error()));
  auto fit = co_await topology.ensure_exchanges(definition.bindings);
  if (!fit) co_return std::unexpected(std::move(fit.error()));
  const bool kept = co_await make(queue, definition);
  if (!kept) co_return std::nullopt;
  bool ours = old == definition;
  if (!ours) ours = co_await catalog.redefine(old, definition);
  if (!ours)
    co_return fail(ErrorCode::queue_conflict,
                   "Queue '" + old.name + "' was changed by somebody else just now. Look at it again.");
  co_await refresh();
  auto former = old.bindings;
  if (!queue->removed) co_await bind(queue, std::move(former));
  wake(*queue);
  co_return old == definition ? DeclareOutcome::unchanged : DeclareOutcome::updated;
}

/// The queue is bound before the answer, so that everything published after that reaches it; what was stored before is
/// filtered out by position.
asio::awaitable<std::optional<Result<DeclareOutcome>>> RabbitMqBroker::Parts::create(QueueDefinition definition) {
  const auto name = definition.name;
  auto fit = co_await topology.ensure_exchanges(definition.bindings);
  if (!fit) co_return std::unexpected(std::move(fit.error()));
  auto claim = claim_of(name);
  const bool taken = co_await claim.take(QueueCatalog::Work::making);
  if (!taken) co_return std::nullopt;
  const bool created = co_await claim.during(create(std::move(definition), claim));
  if (!created) co_return std::nullopt;
  co_await refresh();
  const auto queue = known(name);
  if (queue && queue->record.backfilled_to) co_await begin_backfill(queue);
  co_return DeclareOutcome::created;
}

asio::awaitable<bool> RabbitMqBroker::Parts::create(QueueDefinition definition, QueueClaim& claim) {
  co_await refresh();
  if (known(definition.name)) co_return false;
  QueueRecord record{.definition = definition, .live_after = store.head()};
  const auto start = definition.start_from;
  if (start.kind == StartFrom::Kind::beginning) record.backfilled_to = 0;
  if (start.kind == StartFrom::Kind::time) {
    const auto first = co_await store.first_at_or_after(start.time);
    record.backfilled_to = first ? *first - 1 : store.head();
  }
  Topology::GoOn go_on = [&claim] { return claim.go_on(); };
  co_await topology.ensure_queue(definition, true, std::move(go_on));
  const bool live = !record.backfilled_to;
  const bool inserted = co_await catalog.insert(std::move(record));
  if (inserted && live) co_await topology.bind(definition.name, definition.bindings);
  co_return inserted;
}

/// A short past is in the queue when its declaration is answered, a long one goes on.
asio::awaitable<void> RabbitMqBroker::Parts::begin_backfill(LiveQueuePtr queue) {
  background.spawn("backfill", in_background(backfill(queue)));
  const auto until = std::chrono::steady_clock::now() + patience_for_backfill;
  while (queue->record.backfilled_to && !queue->removed && std::chrono::steady_clock::now() < until)
    co_await changed.wait_until(until);
}

asio::awaitable<Result<void>> RabbitMqBroker::remove(std::string name) {
  auto& parts = *parts_;
  const auto until = std::chrono::steady_clock::now() + Parts::patience_for_others;
  for (;;) {
    co_await parts.refresh();
    const auto queue = parts.known(name);
    if (!queue) co_return delivery::unknown_queue(name);
    const bool removed = co_await parts.remove(queue);
    if (removed) co_return Result<void>{};
    co_await parts.wait_for_others("deleting a queue", name, until);
  }
}

/// From the claim on nobody consumes the queue, so nothing is claimed while RabbitMQ is away.
asio::awaitable<bool> RabbitMqBroker::Parts::remove(LiveQueuePtr queue) {
  check();
  co_await topology.until_connected();
  if (consuming.state() == amqp::LinkState::disconnected) throw Unavailable("deleting a queue", consuming.trouble());
  auto claim = claim_of(queue->name());
  const bool taken = co_await claim.take(QueueCatalog::Work::removing);
  if (!taken) co_return false;
  co_return co_await claim.during(remove(queue, claim));
}

asio::awaitable<bool> RabbitMqBroker::Parts::remove(LiveQueuePtr queue, QueueClaim& claim) {
  co_await refresh();
  if (known(queue->name()) != queue) co_return false;
  auto record = queue->record;
  Topology::GoOn go_on = [&claim] { return claim.go_on(); };
  co_await topology.remove(std::move(record), std::move(go_on));
  const bool removed = co_await catalog.remove(queue->name(), instance);
  if (!removed) co_return false;
  forget(queue);
  revision = 0;  // one that was declared since may have been taken for it
  co_return true;
}

asio::awaitable<Result<void>> RabbitMqBroker::set_paused(std::string name, bool paused) {
  auto& parts = *parts_;
  const auto queue = co_await parts.find(name);
  if (!queue) co_return delivery::unknown_queue(name);
  co_await parts.catalog.set_paused(name, paused);
  queue->record.paused = paused;
  if (!paused) queue->arrived.notify_all();
  co_return Result<void>{};
}

std::vector<QueueInfo> RabbitMqBroker::last_known() {
  std::vector<QueueInfo> infos;
  infos.reserve(parts_->queues.size());
  for (const auto& entry : parts_->queues) infos.push_back(parts_->info_of(*entry.second));
  return infos;
}

asio::awaitable<std::vector<QueueInfo>> RabbitMqBroker::list() {
  co_await parts_->refresh();
  co_await parts_->in_background(parts_->look_at_counts());
  co_return last_known();
}

asio::awaitable<Result<QueueInfo>> RabbitMqBroker::info(std::string name) {
  const auto queue = co_await parts_->find(name);
  if (!queue) co_return delivery::unknown_queue(name);
  co_await parts_->count(queue);
  co_await parts_->in_background(parts_->look_at_counts());
  co_return parts_->info_of(*queue);
}

Result<std::unique_ptr<Admission>> RabbitMqBroker::admit(std::string_view exchange, std::string_view routing_key,
                                                         std::uint64_t count) {
  std::vector<delivery::LimitedQueue> limited;
  for (const auto& [name, queue] : parts_->queues) {
    const auto& definition = queue->record.definition;
    if (!delivery::refuses(definition) || !routes(definition, exchange, routing_key)) continue;
    limited.push_back(queue->limited());
  }
  return delivery::admit(std::move(limited), count);
}

void RabbitMqBroker::take(std::span<const StoredEvent> events) {
  for (const auto& [name, queue] : parts_->queues) {
    const auto& definition = queue->record.definition;
    if (!delivery::refuses(definition)) continue;
    for (const auto& stored : events) {
      if (!routes(definition, stored.event->exchange, stored.event->routing_key)) continue;
      queue->arriving.insert(stored.position);
      ++queue->moves;
    }
  }
}

}  // namespace eventbus
