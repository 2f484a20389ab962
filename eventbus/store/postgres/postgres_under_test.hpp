#pragma once

#include <memory>
#include <string>

#include "eventbus/postgres/testing/test_server.hpp"
#include "eventbus/store/conformance/store_under_test.hpp"
#include "eventbus/store/postgres/postgres_event_store.hpp"
#include "eventbus/testing/waiting.hpp"

namespace eventbus {

/// For tests: a store on a database, as one instance of the service has it.
class PostgresUnderTest final : public StoreUnderTest {
 public:
  PostgresUnderTest(asio::io_context& loop, std::string url,
                    std::chrono::milliseconds timeout = std::chrono::seconds{30})
      : loop_(loop), url_(std::move(url)), timeout_(timeout) {
    reopen();
  }
  explicit PostgresUnderTest(asio::io_context& loop)
      : PostgresUnderTest(loop, postgres::TestServer::shared().create_database()) {}
  ~PostgresUnderTest() override { pool_->close(); }

  PostgresEventStore& store() override { return *store_; }
  postgres::ConnectionPool& pool() { return *pool_; }
  /// The server's processes for the connections that services have to the database.
  std::string sessions() const {
    return postgres::TestServer::ask(url_,
                                     "SELECT string_agg(pid::text, ' ' ORDER BY pid) FROM pg_stat_activity "
                                     "WHERE datname = current_database() AND application_name = 'eventbus'");
  }
  void reopen() override {
    close();
    pool_ = std::make_unique<postgres::ConnectionPool>(loop_.get_executor(),
                                                       postgres::ConnectionSettings::parse(url_).value(),
                                                       postgres::PoolSettings{.min = 0, .max = 8}, pool_metrics_);
    store_ = std::make_unique<PostgresEventStore>(*pool_, nullptr, metrics_,
                                                  PostgresStoreSettings{.timeout = timeout_, .take_over_step = 100});
    auto opened = asio::co_spawn(loop_, store_->open(), asio::use_future);
    run_to_end(loop_, "all that goes on");
    opened.get();
  }

  void keep_copy() override { make_database(name() + "_copy", name()); }
  void put_copy_back() override { make_database(name(), name() + "_copy"); }

 private:
  void close() {
    if (pool_) pool_->close();
    store_.reset();
  }
  std::string name() const { return url_.substr(url_.rfind('=') + 1); }
  /// In the same server, which takes the pages of the rows as they are.
  void make_database(const std::string& database, const std::string& like) {
    close();
    const auto server = postgres::TestServer::shared().url();
    postgres::TestServer::ask(server, "DROP DATABASE IF EXISTS " + database + " WITH (FORCE)");
    postgres::TestServer::ask(server, "CREATE DATABASE " + database + " TEMPLATE " + like);
    reopen();
  }

  asio::io_context& loop_;
  std::string url_;
  std::chrono::milliseconds timeout_;
  MetricRegistry registry_;
  postgres::PoolMetrics pool_metrics_{registry_};
  StoreMetrics metrics_{registry_};
  std::unique_ptr<postgres::ConnectionPool> pool_;
  std::unique_ptr<PostgresEventStore> store_;
};

}  // namespace eventbus
