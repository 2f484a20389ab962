#include "eventbus/broker/rabbitmq/rabbitmq_broker.hpp"

#include <algorithm>

#include "eventbus/amqp/server_refusal.hpp"
#include "eventbus/broker/rabbitmq/broker_parts.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus {

using rabbitmq::LiveQueuePtr;
using SteadyClock = std::chrono::steady_clock;

namespace {

constexpr std::chrono::milliseconds longest_pause{100};
constexpr std::chrono::milliseconds tidying_interval{10'000};
constexpr std::chrono::milliseconds pause_between_parts{100};
// A server that is there answers sooner; nobody waits for one that is not.
constexpr std::chrono::seconds first_login{3};

int established(const amqp::Connection& connection) {
  return connection.state() == amqp::LinkState::disconnected ? 0 : 1;
}

}  // namespace

RabbitMqBroker::RabbitMqBroker(const asio::any_io_executor& loop, EventStore& store, Outbox& outbox,
                               postgres::ConnectionPool& database, BrokerMetrics& metrics, RabbitMqSettings settings,
                               BrokerClock clock)
    : parts_(std::make_shared<Parts>(loop, store, outbox, database, metrics, std::move(settings), std::move(clock))) {
  const auto changed = [weak = std::weak_ptr(parts_)](amqp::LinkState state) {
    if (const auto parts = weak.lock()) parts->link_changed(state);
  };
  const auto failed = [weak = std::weak_ptr(parts_)](const amqp::LinkFailure& failure) {
    if (const auto parts = weak.lock()) parts->link_failed(failure);
  };
  for (auto* connection : {&parts_->publishing, &parts_->consuming}) {
    connection->on_change(changed);
    connection->on_failure(failed);
  }
}

void RabbitMqBroker::Parts::link_changed(amqp::LinkState state) {
  if (state == amqp::LinkState::disconnected) ++doubts;
  if (connected()) {
    guard.succeeded();
    refusal.clear();
    if (link_troubles.over()) log_info("RabbitMQ answers again");
  }
  changed.notify_all();
}

void RabbitMqBroker::Parts::link_failed(const amqp::LinkFailure& failure) {
  ++failed_logins;
  guard.failed_by_itself(failure.reason);
  refusal = failure.lasting ? failure.reason : std::string();
  log(link_troubles.level(failure.reason), "RabbitMQ can't be used; events wait in the outbox",
      {{"error", std::string_view(failure.reason)}});
  changed.notify_all();
}

/// Returns when it is known how the first logins of both connections went, or after a while.
asio::awaitable<void> RabbitMqBroker::Parts::first_logins() {
  const auto until = SteadyClock::now() + first_login;
  const auto enough = 2 * settings.connection.url.endpoints.size();
  while (!connected() && failed_logins < enough && SteadyClock::now() < until) co_await changed.wait_until(until);
  if (!connected() && !refusal.empty()) throw amqp::NotAllowed("using RabbitMQ", refusal);
}

void RabbitMqBroker::Parts::check() const {
  if (connected() ? !guard.would_allow() : !guard.closed()) throw guard.refusal();
}

bool RabbitMqBroker::Parts::connected() const {
  return established(publishing) + established(consuming) == 2;
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
  return parts_->connected();
}

DependencyGuard& RabbitMqBroker::guard() const {
  return parts_->guard;
}

std::string RabbitMqBroker::trouble() const {
  auto trouble = parts_->publishing.trouble();
  return trouble.empty() ? parts_->consuming.trouble() : trouble;
}

int RabbitMqBroker::connections() const {
  return established(parts_->publishing) + established(parts_->consuming);
}

asio::awaitable<void> RabbitMqBroker::start() {
  co_await parts_->catalog.migrate();
  co_await parts_->letters.migrate();
  co_await parts_->board.migrate();
  co_await parts_->forwarding.open();
  co_await parts_->refresh();
  co_await parts_->first_logins();
  if (!parts_->connected()) co_return;
  try {
    const auto fit = co_await parts_->topology.ensure_exchange(std::string(default_exchange));
    if (!fit) {
      log_warning("the exchange that events are published to is no topic exchange, so bindings don't work; delete it",
                  {{"error", std::string_view(fit.error().detail)}});
    }
  } catch (const amqp::NotAllowed&) {
    throw;
  } catch (const Unavailable& error) {
    log(level_of(error, parts_->troubles), "RabbitMQ is not as it should be; events wait in the outbox",
        {{"error", std::string_view(error.what())}});
  }
}

asio::awaitable<void> RabbitMqBroker::run() {
  auto& parts = *parts_;
  TaskGroup forwarding(parts.loop);
  forwarding.spawn("settle for other instances", parts.forwarding.run());
  TaskGroup following(parts.loop);
  following.spawn("follow definitions", parts.follow_definitions());
  following.spawn("tidy the database", parts.tidy());
  auto next_refresh = SteadyClock::now();
  while (!parts.stopped) {
    std::vector<LiveQueuePtr> all;
    all.reserve(parts.queues.size());
    for (const auto& entry : parts.queues) all.push_back(entry.second);
    for (const auto& queue : all) parts.tick(queue);
    if (SteadyClock::now() >= next_refresh) {
      co_await parts.in_background(parts.look_around(std::move(all)));
      next_refresh = SteadyClock::now() + parts.settings.refresh;
    }
    if (!parts.stopped) co_await parts.changed.wait_until(SteadyClock::now() + longest_pause);
  }
  for (const auto& entry : parts.queues) parts.stop_consuming(*entry.second);
  parts.forwarding.stop();
  co_await forwarding.join();
  co_await following.join();
  co_await parts.background.join();
}

asio::awaitable<void> RabbitMqBroker::Parts::look_at_database() {
  co_await refresh();
  co_await look_at_counts();
}

/// They hold here soon after another instance has answered, also while RabbitMQ doesn't.
asio::awaitable<void> RabbitMqBroker::Parts::follow_definitions() {
  while (!stopped) {
    co_await in_background(look_at_database());
    const auto next = SteadyClock::now() + settings.refresh / 2;
    while (!stopped && SteadyClock::now() < next) co_await changed.wait_until(next);
  }
}

asio::awaitable<void> RabbitMqBroker::Parts::tidy() {
  while (!stopped) {
    bool more = false;
    try {
      more = co_await letters.tidy();
      co_await board.tidy();
    } catch (const Unavailable& error) {
      // Others tell that the database is away.
      log(LogLevel::debug, "what is old can't be tidied up for now", {{"error", std::string_view(error.what())}});
    }
    co_await pause(more ? pause_between_parts : tidying_interval);
  }
}

/// What changed without us: the server's counts, what somebody removed there, consumers that nobody asks any more.
asio::awaitable<void> RabbitMqBroker::Parts::look_around(std::vector<LiveQueuePtr> all) {
  if (consuming.state() == amqp::LinkState::disconnected) co_return;
  if (prepared()) {
    co_await look_after_next();
  } else {
    co_await ensure_topology();
  }
  for (const auto& queue : all) {
    if (queue->removed) continue;
    co_await count(queue);
    queue->note_excess();
    watch_head(queue);
    begin_to_take_in(queue);
    const bool limited = queue->gives_up_by_itself();
    if (limited && queue->counts.ready > 0) consume(queue);
    if (!limited && queue->unasked_for(settings.idle) && queue->buffer.in_flight() == 0) stop_consuming(*queue);
    if (queue->record.backfilled_to && !queue->backfilling && queue->wanted())
      background.spawn("backfill", in_background(backfill(queue)));
  }
}

void RabbitMqBroker::stop() {
  parts_->stopped = true;
  parts_->changed.notify_all();
  for (const auto& entry : parts_->queues) {
    entry.second->arrived.notify_all();
    entry.second->filled.notify_all();
  }
}

}  // namespace eventbus
