#include "eventbus/cli/production_engine.hpp"

#include <algorithm>

#include "eventbus/amqp/server_refusal.hpp"
#include "eventbus/core/error.hpp"
#include "eventbus/postgres/clock_skew.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus::cli {
namespace {

constexpr std::int64_t relay_lock = 0x65762d72656c6179;  // "ev-relay"
constexpr std::chrono::seconds look_interval{1};
constexpr std::chrono::seconds replica_patience{5};
constexpr std::chrono::minutes clock_interval{10};
constexpr std::string_view replica_breaker = "postgres-replica";

postgres::PoolSettings replica_pool(postgres::PoolSettings settings) {
  settings.breaker = replica_breaker;
  return settings;
}

/// Whether it is useless to try again until somebody changes something.
bool is_lasting(const Unavailable& error) {
  const auto* refusal = dynamic_cast<const postgres::ServerError*>(&error);
  return (refusal != nullptr && refusal->lasting()) || dynamic_cast<const amqp::NotAllowed*>(&error) != nullptr;
}

std::string word(bool connected, const DependencyGuard& guard) {
  if (guard.breaker().held_open()) return "held open";
  return connected && guard.breaker().state() != CircuitBreaker::State::open ? "connected" : "disconnected";
}

}  // namespace

ProductionEngine::ProductionEngine(asio::io_context& loop, ProductionSettings settings)
    : settings_(std::move(settings)),
      primary_(loop.get_executor(), settings_.database, settings_.pool, pool_metrics_),
      store_(primary_,
             settings_.replica ? &replica_.emplace(loop.get_executor(), *settings_.replica,
                                                   replica_pool(settings_.pool), pool_metrics_)
                               : nullptr,
             store_metrics_, PostgresStoreSettings{.index_payloads = settings_.index_payloads}),
      modes_(primary_),
      broker_(loop.get_executor(), store_, store_, primary_, broker_metrics_, settings_.rabbitmq),
      leadership_(primary_, relay_lock),
      relay_(loop.get_executor(), store_, broker_.sink(), leadership_, {.random = random_fraction}),
      feed_(loop.get_executor(), store_),
      follower_(loop.get_executor(), store_, feed_),
      stop_asked_(loop.get_executor()) {
  register_gauges();
}

ProductionEngine::~ProductionEngine() {
  primary_.close();
  if (replica_) replica_->close();
}

void ProductionEngine::register_gauges() {
  auto& connections = metrics_.gauges("eventbus_active_connections", "Established connections to RabbitMQ.", {});
  auto& pending = metrics_.gauges("eventbus_outbox_pending", "Stored events that RabbitMQ may not have yet.", {});
  auto& oldest = metrics_.gauges("eventbus_outbox_oldest_age_seconds", "Age of the oldest of them.", {});
  metrics_.before_scrape([this, &connections, &pending, &oldest] {
    connections.with({}).set(broker_.connections());
    pending.with({}).set(static_cast<double>(outbox_.pending_events));
    const auto age = outbox_.oldest ? std::chrono::duration<double>(now() - *outbox_.oldest).count() : 0.0;
    oldest.with({}).set(std::max(0.0, age));
  });
}

/// A database that is away may come back within the retries; one that refuses us will not.
asio::awaitable<void> ProductionEngine::start() {
  for (std::uint32_t attempt = 1;; ++attempt) {
    std::chrono::milliseconds wait{0};
    try {
      co_await open();
      co_return;
    } catch (const Unavailable& error) {
      if (is_lasting(error) || attempt > settings_.connecting.max_retries) throw;
      wait = settings_.connecting.wait(attempt, random_fraction());
      if (!primary_.guard().would_allow()) wait = std::max<std::chrono::milliseconds>(wait, error.retry_after());
      // Of a connection that can't be made the pool has told.
      log(primary_.connected() ? level_of(error, troubles_) : LogLevel::debug, "the start is tried again",
          {{"error", std::string_view(error.what())}, {"attempt", std::int64_t{attempt}}});
    }
    if (stopping_) co_return;
    co_await stop_asked_.wait_until(std::chrono::steady_clock::now() + wait);
  }
}

asio::awaitable<void> ProductionEngine::open() {
  co_await store_.open();
  co_await modes_.open();
  co_await broker_.start();
  co_await primary_.warm_up();
  if (replica_) co_await look_at_replica();
}

/// Reads fall back to the primary while it is away, but not for ever to one that was never right.
asio::awaitable<void> ProductionEngine::look_at_replica() {
  try {
    co_await replica_->acquire(std::chrono::steady_clock::now() + replica_patience);
  } catch (const Unavailable& error) {
    if (is_lasting(error)) throw;
    log_warning("reads go to the primary until the replica can be used");
  }
}

std::vector<Engine::Part> ProductionEngine::parts() {
  std::vector<Part> parts;
  parts.push_back({"broker", broker_.run()});
  parts.push_back({"relay", relay_.run()});
  parts.push_back({"follower", follower_.run()});
  parts.push_back({"watch", watch()});
  parts.push_back({"table", tend_table()});
  return parts;
}

void ProductionEngine::stop() {
  stopping_ = true;
  store_.stop_taking_over();
  relay_.stop();
  follower_.stop();
  broker_.stop();
  stop_asked_.notify_all();
}

void ProductionEngine::committed(std::span<const StoredEvent> events) {
  if (events.empty()) return;
  broker_.take(events);
  relay_.committed(events);
  follower_.notify();
}

asio::awaitable<void> ProductionEngine::watch() {
  while (!stopping_) {
    try {
      co_await look_around();
    } catch (const Unavailable& error) {
      log(level_of(error, troubles_), "the database can't be looked at; it is tried again",
          {{"error", std::string_view(error.what())}});
    }
    if (!stopping_) co_await stop_asked_.wait_until(std::chrono::steady_clock::now() + look_interval);
  }
}

/// What may take hours beside everything else: the events of an earlier service, and indexes.
asio::awaitable<void> ProductionEngine::tend_table() {
  for (bool done = false; !stopping_;) {
    try {
      if (!done) done = co_await store_.take_over();
    } catch (const Unavailable& error) {
      log(stopping_ ? LogLevel::debug : level_of(error, troubles_), "table events can't be prepared; it is tried again",
          {{"error", std::string_view(error.what())}});
    }
    const auto forever = std::chrono::steady_clock::time_point::max();
    if (!stopping_) co_await stop_asked_.wait_until(done ? forever : std::chrono::steady_clock::now() + look_interval);
  }
}

/// What others stored, and what waits.
asio::awaitable<void> ProductionEngine::look_around() {
  co_await store_.look();
  outbox_ = co_await store_.stats();
  if (std::chrono::steady_clock::now() >= next_clock_look_) co_await look_at_clock();
}

asio::awaitable<void> ProductionEngine::look_at_clock() {
  const auto skew =
      co_await postgres::measure_skew(primary_, std::chrono::steady_clock::now() + std::chrono::seconds{5});
  next_clock_look_ = std::chrono::steady_clock::now() + clock_interval;
  if (const auto trouble = postgres::describe_skew(skew, settings_.database)) log_warning(*trouble);
}

Readiness ProductionEngine::readiness() const {
  const auto rabbitmq = word(broker_.connected(), broker_.guard());
  const auto postgres = word(primary_.connected(), primary_.guard());
  return {.ready = postgres == "connected" && (rabbitmq == "connected" || settings_.ready_when_accepting),
          .parts = {{"rabbitmq", rabbitmq}, {"postgres", postgres}}};
}

std::vector<DependencyGuard*> ProductionEngine::guards() {
  std::vector<DependencyGuard*> guards{&primary_.guard(), &broker_.guard()};
  if (replica_) guards.push_back(&replica_->guard());
  return guards;
}

void ProductionEngine::announce() {
  const auto queues = static_cast<std::int64_t>(broker_.last_known().size());
  const auto rabbitmq = settings_.rabbitmq.connection.url.printable();
  log_info("database open", {{"database", std::string_view(settings_.database.printable())},
                             {"newest_position", std::int64_t{store_.head()}},
                             {"queues", queues}});
  log_info("RabbitMQ delivers", {{"server", std::string_view(rabbitmq)}, {"connected", broker_.connected()}});
  for (const auto& queue : settings_.rabbitmq.ingest_queues)
    log_info("messages of an ingest queue become events", {{"queue", std::string_view(queue)}});
}

}  // namespace eventbus::cli
