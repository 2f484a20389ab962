#include "eventbus/library/store_backend.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "eventbus/postgres/connection_pool.hpp"
#include "eventbus/sqlite/database.hpp"
#include "eventbus/store/postgres/postgres_event_store.hpp"
#include "eventbus/store/sqlite/sqlite_event_store.hpp"
#include "eventbus/store/store_metrics.hpp"
#include "eventbus/telemetry/metrics.hpp"

namespace eventbus {
namespace {

class PostgresBackend final : public StoreBackend {
 public:
  PostgresBackend(const asio::any_io_executor& loop, postgres::ConnectionSettings database, std::size_t connections)
      : pool_(loop, std::move(database), pool_settings(connections), pool_metrics_),
        store_(pool_, nullptr, store_metrics_, {}) {}
  ~PostgresBackend() override { pool_.close(); }

  asio::awaitable<void> open() override { co_await store_.open(); }
  EventStore& store() override { return store_; }

 private:
  static postgres::PoolSettings pool_settings(std::size_t connections) {
    postgres::PoolSettings settings;
    settings.min = 1;
    settings.max = std::max<std::size_t>(connections, 1);
    return settings;
  }

  MetricRegistry metrics_;
  postgres::PoolMetrics pool_metrics_{metrics_};
  StoreMetrics store_metrics_{metrics_};
  postgres::ConnectionPool pool_;
  PostgresEventStore store_;
};

class SqliteBackend final : public StoreBackend {
 public:
  SqliteBackend(const asio::any_io_executor& loop, std::filesystem::path directory)
      : database_(loop, sqlite::DatabaseSettings{.directory = std::move(directory)}), store_(database_, metrics_) {}

  asio::awaitable<void> open() override { co_return; }
  EventStore& store() override { return store_; }

 private:
  MetricRegistry registry_;
  StoreMetrics metrics_{registry_};
  sqlite::Database database_;
  SqliteEventStore store_;
};

}  // namespace

MakeBackend postgres_backend(std::string url, std::size_t connections) {
  return
      [url = std::move(url), connections](const asio::any_io_executor& loop) -> Result<std::unique_ptr<StoreBackend>> {
        auto settings = postgres::ConnectionSettings::parse(url, "the URL of PostgreSQLEventStore");
        if (!settings) return std::unexpected(std::move(settings.error()));
        return std::make_unique<PostgresBackend>(loop, std::move(*settings), connections);
      };
}

MakeBackend sqlite_backend(std::filesystem::path directory) {
  return
      [directory = std::move(directory)](const asio::any_io_executor& loop) -> Result<std::unique_ptr<StoreBackend>> {
        try {
          return std::make_unique<SqliteBackend>(loop, directory);
        } catch (const std::runtime_error& error) {
          return fail(ErrorCode::unavailable, error.what());
        }
      };
}

}  // namespace eventbus
