#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <optional>

#include "eventbus/broker/broker_metrics.hpp"
#include "eventbus/broker/rabbitmq/rabbitmq_broker.hpp"
#include "eventbus/bus/log_follower.hpp"
#include "eventbus/cli/engine.hpp"
#include "eventbus/core/retry_policy.hpp"
#include "eventbus/postgres/connection_pool.hpp"
#include "eventbus/store/postgres/postgres_event_store.hpp"
#include "eventbus/store/postgres/postgres_leadership.hpp"
#include "eventbus/store/postgres/postgres_mode_store.hpp"
#include "eventbus/store/store_metrics.hpp"

namespace eventbus::cli {

struct ProductionSettings {
  postgres::ConnectionSettings database;
  std::optional<postgres::ConnectionSettings> replica;
  postgres::PoolSettings pool;
  RabbitMqSettings rabbitmq;
  RetryPolicy connecting;             ///< To the database at start.
  bool ready_when_accepting = false;  ///< Ready without RabbitMQ.
  bool index_payloads = false;        ///< See PostgresStoreSettings.
};

/// PostgreSQL for the truth, RabbitMQ for delivery, and the relay between them. Any number of instances may share both.
class ProductionEngine final : public Engine {
 public:
  ProductionEngine(asio::io_context& loop, ProductionSettings settings);
  ~ProductionEngine() override;

  std::string name() const override { return "production"; }
  MetricRegistry& metrics() override { return metrics_; }
  EventStore& store() override { return store_; }
  Broker& broker() override { return broker_; }
  EventFeed& feed() override { return feed_; }
  ModeStore& modes() override { return modes_; }
  Relay* relay() override { return &relay_; }
  std::vector<EventSource*> sources() override { return broker_.sources(); }
  std::vector<DependencyGuard*> guards() override;
  asio::awaitable<void> start() override;
  std::vector<Part> parts() override;
  void stop() override;
  void committed(std::span<const StoredEvent> events) override;
  Readiness readiness() const override;
  void announce() override;

 private:
  asio::awaitable<void> open();
  asio::awaitable<void> watch();
  asio::awaitable<void> tend_table();
  asio::awaitable<void> look_around();
  asio::awaitable<void> look_at_replica();
  asio::awaitable<void> look_at_clock();
  void register_gauges();

  ProductionSettings settings_;
  MetricRegistry metrics_;
  StoreMetrics store_metrics_{metrics_};
  BrokerMetrics broker_metrics_{metrics_};
  postgres::PoolMetrics pool_metrics_{metrics_};
  postgres::ConnectionPool primary_;
  std::optional<postgres::ConnectionPool> replica_;
  PostgresEventStore store_;
  PostgresModeStore modes_;
  RabbitMqBroker broker_;
  PostgresLeadership leadership_;
  Relay relay_;
  EventFeed feed_;
  LogFollower follower_;
  Signal stop_asked_;
  OutboxStats outbox_;
  TroubleLog troubles_;
  std::chrono::steady_clock::time_point next_clock_look_{};
  bool stopping_ = false;
};

}  // namespace eventbus::cli
