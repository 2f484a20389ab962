#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "eventbus/store/conformance/store_under_test.hpp"
#include "eventbus/store/sqlite/sqlite_event_store.hpp"

namespace eventbus {

/// For tests: a store in a temporary directory.
class SqliteUnderTest final : public StoreUnderTest {
 public:
  explicit SqliteUnderTest(asio::io_context& loop) : loop_(loop) {
    std::string name = testing::TempDir() + "eventbus-store-XXXXXX";
    directory_ = mkdtemp(name.data());
    open();
  }
  ~SqliteUnderTest() override {
    close();
    std::filesystem::remove_all(directory_);
    std::filesystem::remove_all(copy());
  }
  EventStore& store() override { return *store_; }
  void close() {
    store_.reset();
    database_.reset();
  }
  void reopen() override {
    close();
    open();
  }
  void keep_copy() override {
    close();
    std::filesystem::copy(directory_, copy());
    open();
  }
  void put_copy_back() override {
    close();
    std::filesystem::remove_all(directory_);
    std::filesystem::copy(copy(), directory_);
    open();
  }
  std::filesystem::path file() const { return directory_ / "eventbus.db"; }
  sqlite::Connection connect() const { return {file(), sqlite::OpenMode::read_only}; }

 private:
  std::filesystem::path copy() const { return directory_.string() + "-copy"; }
  void open() {
    database_ =
        std::make_unique<sqlite::Database>(loop_.get_executor(), sqlite::DatabaseSettings{.directory = directory_});
    store_ = std::make_unique<SqliteEventStore>(*database_, metrics_);
  }

  asio::io_context& loop_;
  std::filesystem::path directory_;
  MetricRegistry registry_;
  StoreMetrics metrics_{registry_};
  std::unique_ptr<sqlite::Database> database_;
  std::unique_ptr<SqliteEventStore> store_;
};

}  // namespace eventbus
