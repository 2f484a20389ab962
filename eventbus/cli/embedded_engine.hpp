#pragma once

#include <boost/asio/io_context.hpp>
#include <filesystem>

#include "eventbus/broker/broker_metrics.hpp"
#include "eventbus/broker/embedded/embedded_broker.hpp"
#include "eventbus/cli/engine.hpp"
#include "eventbus/sqlite/database.hpp"
#include "eventbus/store/sqlite/sqlite_event_store.hpp"
#include "eventbus/store/sqlite/sqlite_mode_store.hpp"
#include "eventbus/store/store_metrics.hpp"

namespace eventbus::cli {

/// SQLite file → event store → broker and feed, on one event loop but for the database's own threads.
class EmbeddedEngine final : public Engine {
 public:
  /// Opens the data directory (blocking). Throws std::runtime_error with a remedy when it can't.
  EmbeddedEngine(asio::io_context& loop, std::filesystem::path directory);

  std::string name() const override { return "embedded"; }
  MetricRegistry& metrics() override { return metrics_; }
  EventStore& store() override { return store_; }
  Broker& broker() override { return broker_; }
  EventFeed& feed() override { return feed_; }
  ModeStore& modes() override { return modes_; }
  asio::awaitable<void> start() override;
  std::vector<Part> parts() override;
  void stop() override { broker_.stop(); }
  void committed(std::span<const StoredEvent> events) override;
  Readiness readiness() const override;
  void announce() override;

 private:
  std::filesystem::path directory_;
  MetricRegistry metrics_;
  StoreMetrics store_metrics_{metrics_};
  BrokerMetrics broker_metrics_{metrics_};
  sqlite::Database database_;
  SqliteEventStore store_;
  SqliteModeStore modes_;
  EmbeddedBroker broker_;
  EventFeed feed_;
};

}  // namespace eventbus::cli
