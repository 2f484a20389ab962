#pragma once

#include <boost/asio/detached.hpp>
#include <filesystem>
#include <memory>
#include <random>
#include <string>

#include "eventbus/broker/conformance/broker_suite.hpp"
#include "eventbus/broker/embedded/embedded_broker.hpp"
#include "eventbus/broker/embedded/sqlite_queue_storage.hpp"
#include "eventbus/sqlite/database.hpp"
#include "eventbus/store/sqlite/sqlite_event_store.hpp"
#include "eventbus/testing/waiting.hpp"

namespace eventbus {

/// A folder of its own that is removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder()
      : path_(std::filesystem::temp_directory_path() / ("eventbus-broker-" + std::to_string(std::random_device{}()))) {}
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// The embedded broker on a real file, with a clock that the test moves.
class EmbeddedUnderTest final : public BrokerUnderTest {
 public:
  using MakeStorage = std::function<std::unique_ptr<embedded::QueueStorage>(sqlite::Database&)>;

  EmbeddedUnderTest(asio::io_context& loop, BrokerSettings settings, MakeStorage make_storage = make_sqlite)
      : loop_(loop), settings_(settings), make_storage_(std::move(make_storage)) {
    open();
    asio::co_spawn(loop_, broker_->start(), asio::detached);
    run_to_end(loop_, "all that goes on");
  }
  ~EmbeddedUnderTest() override {
    broker_->stop();
    run_to_end(loop_, "all that goes on");
  }

  EmbeddedBroker& broker() override { return *broker_; }
  SqliteEventStore& store() override { return *store_; }
  MetricRegistry& registry() { return registry_; }
  asio::awaitable<void> pass(std::chrono::milliseconds time) override {
    now_ += time;
    broker_->tick();
    co_await broker_->idle();
  }
  asio::awaitable<void> restart() override {
    co_await broker_->idle();
    broker_.reset();
    store_.reset();
    database_.reset();
    open();
    co_await broker_->start();
  }

  /// Only before a restart: a running broker's clock never goes backwards.
  void set_clock_back(std::chrono::milliseconds step) { now_ -= step; }
  /// From now on time passes by itself.
  void use_real_clock() { *clock_ = steady_utc_clock(); }

 private:
  static std::unique_ptr<embedded::QueueStorage> make_sqlite(sqlite::Database& database) {
    return std::make_unique<embedded::SqliteQueueStorage>(database);
  }
  void open() {
    database_ = std::make_unique<sqlite::Database>(loop_.get_executor(), sqlite::DatabaseSettings{folder_.path()});
    store_ = std::make_unique<SqliteEventStore>(*database_, store_metrics_);
    broker_ = std::make_unique<EmbeddedBroker>(loop_.get_executor(), *store_, make_storage_(*database_), metrics_,
                                               settings_, [clock = clock_] { return (*clock)(); });
  }

  asio::io_context& loop_;
  BrokerSettings settings_;
  MakeStorage make_storage_;
  TemporaryFolder folder_;
  MetricRegistry registry_;
  StoreMetrics store_metrics_{registry_};
  BrokerMetrics metrics_{registry_};
  Timestamp now_ = eventbus::now();
  std::shared_ptr<BrokerClock> clock_ = std::make_shared<BrokerClock>([this] { return now_; });
  std::unique_ptr<sqlite::Database> database_;
  std::unique_ptr<SqliteEventStore> store_;
  std::unique_ptr<EmbeddedBroker> broker_;
};

}  // namespace eventbus
