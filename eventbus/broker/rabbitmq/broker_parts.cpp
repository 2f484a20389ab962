#include "eventbus/broker/rabbitmq/broker_parts.hpp"
#include "eventbus/broker/rabbitmq/names.hpp"

#include <fmt/format.h>

#include <random>

#include "eventbus/telemetry/log.hpp"

namespace eventbus {

using rabbitmq::LiveQueue;
using rabbitmq::LiveQueuePtr;
using rabbitmq::QueueCatalog;
using rabbitmq::QueueClaim;
using rabbitmq::Topology;

namespace {

amqp::ConnectionSettings named(amqp::ConnectionSettings settings, std::string_view purpose) {
  settings.name = fmt::format("eventbus {}", purpose);
  return settings;
}

std::vector<Binding> without(const std::vector<Binding>& bindings, const std::vector<Binding>& others) {
  std::vector<Binding> left;
  std::ranges::copy_if(bindings, std::back_inserter(left),
                       [&others](const Binding& one) { return std::ranges::find(others, one) == others.end(); });
  return left;
}

rabbitmq::InstanceId random_instance() {
  std::random_device random;
  return std::uniform_int_distribution<rabbitmq::InstanceId>()(random);
}

}  // namespace

RabbitMqBroker::Parts::Parts(const asio::any_io_executor& loop_, EventStore& store_, Outbox& outbox_,
                             postgres::ConnectionPool& database, BrokerMetrics& metrics_, RabbitMqSettings settings_,
                             BrokerClock clock_)
    : loop(loop_),
      store(store_),
      outbox(outbox_),
      metrics(metrics_),
      settings(std::move(settings_)),
      clock(std::move(clock_)),
      publishing(loop, named(settings.connection, "publisher")),
      consuming(loop, named(settings.connection, "consumer")),
      topology(consuming, guard, changed, settings.timeout),
      catalog(database, settings.timeout),
      letters(database, settings.timeout),
      instance(random_instance()),
      board(database, instance, settings.timeout),
      publisher(loop, publishing, topology, guard,
                {.prepared = [this] { return until_prepared(); },
                 .wanted_by = [this](const Event& event) { return wanted_by(event); },
                 .doubt = [this] { doubt_topology(); }},
                metrics, settings.timeout, settings.connection.max_body_bytes),
      forwarding(loop, database, instance, settings.timeout, settings.patience,
                 [this](rabbitmq::SettleOrder order) { return settle_here(std::move(order)); }),
      changed(loop),
      background(loop) {
  for (const auto& name : settings.ingest_queues) {
    ingest_queues.push_back(std::make_unique<rabbitmq::IngestQueue>(
        loop, consuming, topology, publisher, [this](std::string queue) { return delivers_from(std::move(queue)); },
        rabbitmq::IngestQueue::Settings{name, settings.max_event_bytes, settings.timeout}));
  }
}

asio::awaitable<bool> RabbitMqBroker::Parts::delivers_from(std::string queue) {
  const auto found = co_await find(std::move(queue));
  co_return found != nullptr;
}

LiveQueuePtr RabbitMqBroker::Parts::known(std::string_view name) const {
  const auto place = queues.find(name);
  return place == queues.end() ? nullptr : place->second;
}

asio::awaitable<LiveQueuePtr> RabbitMqBroker::Parts::find(std::string name) {
  if (auto queue = known(name)) co_return queue;
  co_await refresh();
  co_return known(name);
}

void RabbitMqBroker::Parts::forget(const LiveQueuePtr& queue) {
  queue->removed = true;
  stop_consuming(*queue);
  consuming.unsuspect(queue->name());
  // Another of the same name may be there already.
  if (known(queue->name()) == queue) queues.erase(queue->name());
  queue->arrived.notify_all();
}

/// What other instances changed.
asio::awaitable<void> RabbitMqBroker::Parts::refresh() {
  const auto newest = co_await catalog.revision();
  const bool one_is_removed =
      std::ranges::any_of(queues, [](const auto& entry) { return entry.second->record.removed_until.has_value(); });
  if (newest == revision && !one_is_removed) co_return;
  auto records = co_await catalog.load();
  revision = newest;
  std::vector<LiveQueuePtr> gone;
  for (const auto& [name, queue] : queues) {
    if (!records.contains(name)) gone.push_back(queue);
  }
  for (const auto& queue : gone) forget(queue);
  for (auto& [name, record] : records) {
    const auto queue = known(name);
    const bool another = queue && queue->record.id != record.id;
    if (another) forget(queue);
    if (queue && !another) {
      take_over(queue, std::move(record));
    } else {
      queues.emplace(name, std::make_shared<LiveQueue>(loop, metrics, std::move(record), settings.prefetch));
    }
  }
}

void RabbitMqBroker::Parts::take_over(const LiveQueuePtr& queue, rabbitmq::QueueRecord record) {
  const bool was_removed = queue->record.removed_until.has_value();
  const bool purged = queue->record.purged_to < record.purged_to;
  record.purged_to = std::max(record.purged_to, queue->record.purged_to);
  queue->record = std::move(record);
  if (queue->record.removed_until) {
    stop_consuming(*queue);
    consuming.unsuspect(queue->name());
  } else if (was_removed) {
    doubt_topology();  // parts of it may be gone
  }
  if (purged) {
    auto waiting = queue->buffer.waiting_routed_to(queue->record.purged_to);
    background.spawn("purge", in_background(purge_later(queue, std::move(waiting))));
  }
  wake(*queue);
}

/// The server may be another one than before, or an empty one.
asio::awaitable<void> RabbitMqBroker::Parts::ensure_topology() {
  const auto login = publishing.logins();
  const auto before = doubts;
  topology.forget();
  std::vector<LiveQueuePtr> all;
  all.reserve(queues.size());
  for (const auto& entry : queues) all.push_back(entry.second);
  for (const auto& queue : all) co_await ensure(queue);
  settled_doubts = before;
  prepared_login = login;
  changed.notify_all();
}

/// Nothing is published past a queue that another makes: it would not be missed.
asio::awaitable<void> RabbitMqBroker::Parts::ensure(LiveQueuePtr queue) {
  const auto until = std::chrono::steady_clock::now() + patience_for_others;
  while (queue->wanted()) {
    auto definition = queue->record.definition;
    const bool kept = co_await make(queue, std::move(definition));
    if (!kept) {
      co_await wait_for_others("looking after a queue", queue->name(), until);
      continue;
    }
    auto bindings = queue->record.definition.bindings;
    co_await bind(queue, std::move(bindings));
    co_return;
  }
}

asio::awaitable<void> RabbitMqBroker::Parts::bind(LiveQueuePtr queue, std::vector<Binding> former) {
  const auto& record = queue->record;
  if (!record.backfilled_to) {
    auto bindings = record.definition.bindings;
    former.insert(former.end(), bindings.begin(), bindings.end());
    co_await topology.bind(queue->name(), std::move(bindings));
  }
  co_await refresh();
  const auto now = known(queue->name());
  if (now && now->wanted()) co_await topology.unbind(queue->name(), without(former, now->record.definition.bindings));
}

asio::awaitable<bool> RabbitMqBroker::Parts::make(LiveQueuePtr queue, QueueDefinition definition) {
  const auto found = co_await topology.ensure_queue(definition, false);
  if (found != Topology::QueueFound::missing) co_return queue->wanted();
  auto claim = claim_of(queue->name());
  const bool taken = co_await claim.take(QueueCatalog::Work::making);
  if (!taken) co_return false;
  co_return co_await claim.during(make(queue, std::move(definition), claim));
}

asio::awaitable<bool> RabbitMqBroker::Parts::make(LiveQueuePtr queue, QueueDefinition definition, QueueClaim& claim) {
  const bool wanted = co_await still_wanted(queue);
  if (!wanted) co_return false;
  Topology::GoOn go_on = [&claim] { return claim.go_on(); };
  const auto found = co_await topology.ensure_queue(std::move(definition), true, std::move(go_on));
  if (found == Topology::QueueFound::made) co_await consume_anew(queue);
  co_return true;
}

QueueClaim RabbitMqBroker::Parts::claim_of(const std::string& queue) {
  return {catalog, working, queue, instance};
}

asio::awaitable<bool> RabbitMqBroker::Parts::still_wanted(LiveQueuePtr queue) {
  co_await refresh();
  co_return known(queue->name()) == queue && queue->wanted();
}

/// RabbitMQ tells nobody that somebody deleted a binding there, or an exchange that nobody publishes to.
asio::awaitable<void> RabbitMqBroker::Parts::look_after_next() {
  auto next = queues.upper_bound(looked_after);
  if (next == queues.end()) next = queues.begin();
  if (next == queues.end()) co_return;
  const auto queue = next->second;
  looked_after = queue->name();
  auto bindings = queue->record.definition.bindings;
  co_await topology.ensure_exchanges(std::move(bindings));
  co_await ensure(queue);
}

void RabbitMqBroker::Parts::doubt_topology() {
  topology.forget();
  ++doubts;
  changed.notify_all();
}

std::string_view RabbitMqBroker::Parts::wanted_by(const Event& event) const {
  for (const auto& [name, queue] : queues) {
    const bool bound = queue->wanted() && !queue->record.backfilled_to;
    if (bound && routes(queue->record.definition, event.exchange, event.routing_key)) return name;
  }
  return {};
}

bool RabbitMqBroker::Parts::prepared() const {
  return settled_doubts == doubts && prepared_login == publishing.logins();
}

asio::awaitable<std::uint64_t> RabbitMqBroker::Parts::until_prepared() {
  const auto until = std::chrono::steady_clock::now() + settings.timeout;
  while (!prepared()) {
    if (!guard.closed()) throw guard.refusal();
    if (stopped || std::chrono::steady_clock::now() >= until)
      throw Unavailable("publishing to RabbitMQ", "its queues could not be looked after yet");
    if (connected()) {
      co_await refresh();
      co_await ensure_topology();
    } else {
      co_await changed.wait_until(until);
    }
  }
  co_return prepared_login;
}

/// One that is noted and not there may be in the making. When somebody else works on the queue, the next look does it.
asio::awaitable<void> RabbitMqBroker::Parts::forget_retry_queues(LiveQueuePtr queue, Delays delays) {
  auto claim = claim_of(queue->name());
  const bool taken = co_await claim.take(QueueCatalog::Work::making);
  if (taken) co_await claim.during(forget_retry_queues_now(queue, std::move(delays)));
}

asio::awaitable<bool> RabbitMqBroker::Parts::forget_retry_queues_now(LiveQueuePtr queue, Delays delays) {
  for (const auto delay : delays) {
    const bool gone = co_await topology.is_gone(rabbitmq::retry_queue(queue->name(), delay));
    if (!gone) continue;
    co_await catalog.remove_retry_delay(queue->name(), delay);
    std::erase(queue->record.retry_delays, delay);
  }
  co_return true;
}

}  // namespace eventbus
