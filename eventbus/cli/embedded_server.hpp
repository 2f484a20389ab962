#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include "eventbus/broker/broker_metrics.hpp"
#include "eventbus/broker/embedded/embedded_broker.hpp"
#include "eventbus/bus/bus.hpp"
#include "eventbus/http/server.hpp"
#include "eventbus/runtime/task_group.hpp"
#include "eventbus/sqlite/database.hpp"
#include "eventbus/store/sqlite/sqlite_event_store.hpp"
#include "eventbus/store/store_metrics.hpp"

namespace eventbus::cli {

namespace asio = boost::asio;

struct EmbeddedServerSettings {
  std::filesystem::path data_directory;
  HttpSettings http;
  PublisherSettings publisher;
  std::chrono::milliseconds drain{30000};
};

/// The embedded engine, wired: SQLite file → event store → broker and feed → publisher → HTTP. Everything runs on one
/// event loop but for the database's own threads. Members on the loop's thread.
class EmbeddedServer {
 public:
  /// Opens the data directory (blocking). Throws std::runtime_error with a remedy when it can't.
  EmbeddedServer(asio::io_context& loop, EmbeddedServerSettings settings);
  ~EmbeddedServer();
  EmbeddedServer(const EmbeddedServer&) = delete;
  EmbeddedServer& operator=(const EmbeddedServer&) = delete;

  /// Restores the queues and listens; `port` is valid when it returns. Throws `Unavailable` when it can't.
  asio::awaitable<void> start();
  /// Serves until `stop`; then drains: not ready, accepts nothing, finishes what is in flight, gives deliveries back.
  asio::awaitable<void> run();
  /// Idempotent.
  void stop();
  /// Whether a part ended by itself: the process must then end, and restart from what is on disk.
  bool failed() const { return failed_; }

  std::uint16_t port() const { return http_.port(); }
  Position newest() const { return store_.head(); }
  std::size_t queues() { return broker_.last_known().size(); }

 private:
  asio::awaitable<void> supervise(std::string part, asio::awaitable<void> task);
  asio::awaitable<void> drain();
  Readiness readiness() const;

  EmbeddedServerSettings settings_;
  MetricRegistry metrics_;
  StoreMetrics store_metrics_{metrics_};
  BrokerMetrics broker_metrics_{metrics_};
  sqlite::Database database_;
  SqliteEventStore store_;
  EmbeddedBroker broker_;
  EventFeed feed_;
  Publisher publisher_;
  Bus bus_{publisher_, feed_, store_, broker_};
  HttpServer http_;
  TaskGroup http_task_;
  TaskGroup publisher_task_;
  TaskGroup broker_task_;
  Signal stop_asked_;
  bool stopping_ = false;
  bool failed_ = false;
};

}  // namespace eventbus::cli
