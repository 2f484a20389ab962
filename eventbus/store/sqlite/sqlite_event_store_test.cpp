#include "eventbus/store/sqlite/sqlite_event_store.hpp"

#include <gmock/gmock.h>

#include <filesystem>

#include "eventbus/store/conformance/event_store_random.hpp"
#include "eventbus/store/conformance/event_store_suite.hpp"

namespace eventbus {
namespace {

class SqliteUnderTest final : public StoreUnderTest {
 public:
  explicit SqliteUnderTest(asio::io_context& loop) : loop_(loop) {
    std::string name = testing::TempDir() + "eventbus-store-XXXXXX";
    directory_ = mkdtemp(name.data());
    open();
  }
  ~SqliteUnderTest() override {
    store_.reset();
    database_.reset();
    std::filesystem::remove_all(directory_);
  }
  EventStore& store() override { return *store_; }
  void reopen() override {
    store_.reset();
    database_.reset();
    open();
  }
  sqlite::Connection connect() const { return {directory_ / "eventbus.db", sqlite::OpenMode::read_only, 1 << 20}; }

 private:
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

std::unique_ptr<StoreUnderTest> make_sqlite(asio::io_context& loop) {
  return std::make_unique<SqliteUnderTest>(loop);
}

INSTANTIATE_TEST_SUITE_P(Adapter, EventStoreConformance, testing::Values(StoreCase{"sqlite", make_sqlite}), case_name);

std::string plan_of(SqliteUnderTest& under_test, const std::string& sql) {
  std::string plan;
  auto connection = under_test.connect();
  auto row = connection.prepare("EXPLAIN QUERY PLAN " + sql);
  while (row.step()) plan += std::string(row.text(3)) + "\n";
  return plan;
}

TEST(SqliteEventStore, ListingsReadOneIndexRangeWithoutSorting) {
  asio::io_context loop;
  SqliteUnderTest under_test(loop);
  const std::string range =
      "timestamp >= ?1 AND timestamp <= ?2 AND (timestamp, position) > (?3, ?4) AND position <= ?5";
  const std::string order = " ORDER BY timestamp, position";
  const std::string keys = "SELECT timestamp, position FROM events WHERE ";
  for (const auto& [condition, index] :
       std::vector<std::pair<std::string, std::string>>{{"", "events_time"},
                                                        {"type = 1 AND ", "events_type"},
                                                        {"ordering_key = ?6 AND ", "events_ordering_key"},
                                                        {"correlation_id = ?6 AND ", "events_correlation"}}) {
    const auto plan = plan_of(under_test, keys + condition + range + order);
    EXPECT_THAT(plan, testing::HasSubstr(index)) << plan;
    EXPECT_THAT(plan, testing::Not(testing::HasSubstr("TEMP B-TREE"))) << plan;
    EXPECT_THAT(plan, testing::Not(testing::HasSubstr("SCAN"))) << plan;
  }
  const auto merged =
      plan_of(under_test, keys + "type = 1 AND " + range + " UNION ALL " + keys + "type = 2 AND " + range + order);
  EXPECT_THAT(merged, testing::HasSubstr("MERGE (UNION ALL)")) << merged;
  EXPECT_THAT(merged, testing::Not(testing::HasSubstr("TEMP B-TREE"))) << merged;
}

TEST(SqliteEventStore, PeopleCanReadTheView) {
  asio::io_context loop;
  SqliteUnderTest under_test(loop);
  std::vector<AppendRequest> requests(1);
  requests[0].drafts.push_back(DraftBuilder{"01890a5d-ac96-774b-bcce-b302099a8057", "order.paid"}.build());
  asio::co_spawn(loop, under_test.store().append(std::move(requests)), [](std::exception_ptr, const auto&) {});
  loop.run();
  EXPECT_EQ(under_test.connect().query_text(
                "SELECT event_id || ' ' || timestamp || ' ' || event_type || ' ' || exchange FROM event_view"),
            "01890a5d-ac96-774b-bcce-b302099a8057 2023-11-14T22:13:20.000000Z order.paid events");
}

}  // namespace
}  // namespace eventbus
