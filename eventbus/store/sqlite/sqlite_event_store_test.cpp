#include <gmock/gmock.h>

#include "eventbus/store/conformance/event_store_lives.hpp"
#include "eventbus/store/conformance/event_store_random.hpp"
#include "eventbus/store/conformance/event_store_suite.hpp"
#include "eventbus/store/sqlite/listing_keys.hpp"
#include "eventbus/store/sqlite/sqlite_under_test.hpp"
#include "eventbus/testing/waiting.hpp"

namespace eventbus {
namespace {

std::unique_ptr<StoreUnderTest> make_sqlite(asio::io_context& loop) {
  return std::make_unique<SqliteUnderTest>(loop);
}

INSTANTIATE_TEST_SUITE_P(Adapter, EventStoreConformance, testing::Values(StoreCase{"sqlite", make_sqlite}), case_name);
INSTANTIATE_TEST_SUITE_P(Adapter, EventStoreLives, testing::Values(StoreCase{"sqlite", make_sqlite}), case_name);

std::string plan_of(SqliteUnderTest& under_test, const std::string& sql) {
  std::string plan;
  auto connection = under_test.connect();
  auto row = connection.prepare("EXPLAIN QUERY PLAN " + sql);
  while (row.step()) plan += std::string(row.text(3)) + "\n";
  return plan;
}

TEST(SqliteEventStore, NoQueryScansATable) {
  asio::io_context loop;
  SqliteUnderTest under_test(loop);
  for (const bool descending : {false, true}) {
    for (const auto& [by, index] : std::vector<std::pair<KeySelection::By, std::string>>{
             {KeySelection::By::time, "USING COVERING INDEX events_time (<expr>=? AND timestamp>? AND timestamp<?)"},
             {KeySelection::By::type,
              "USING COVERING INDEX events_type (<expr>=? AND type=? AND timestamp>? AND timestamp<?)"},
             {KeySelection::By::ordering_key,
              "USING COVERING INDEX events_ordering_key (<expr>=? AND ordering_key=? AND timestamp>? AND timestamp<?)"},
             {KeySelection::By::correlation_id,
              "USING COVERING INDEX events_correlation (<expr>=? AND correlation_id=? AND timestamp>? AND "
              "timestamp<?)"}}) {
      EXPECT_EQ(plan_of(under_test, listing_range_sql(by, descending)), "SEARCH events " + index + "\n");
    }
  }
  EXPECT_EQ(plan_of(under_test, "SELECT position FROM events WHERE event_id = ?1"),
            "SEARCH events USING COVERING INDEX events_id (event_id=?)\n");
}

TEST(SqliteEventStore, PeopleCanReadTheView) {
  asio::io_context loop;
  SqliteUnderTest under_test(loop);
  std::vector<AppendRequest> requests(1);
  requests[0].drafts.push_back(DraftBuilder{"01890a5d-ac96-774b-bcce-b302099a8057", "order.paid"}.build());
  asio::co_spawn(loop, under_test.store().append(std::move(requests)), [](std::exception_ptr, const auto&) {});
  run_to_end(loop, "all that goes on");
  EXPECT_EQ(under_test.connect().query_text(
                "SELECT event_id || ' ' || timestamp || ' ' || event_type || ' ' || exchange FROM event_view"),
            "01890a5d-ac96-774b-bcce-b302099a8057 2023-11-14T22:13:20.000000Z order.paid events");
}

class SqliteLives : public testing::Test {
 protected:
  Position append(const std::string& id) {
    std::vector<AppendRequest> requests;
    requests.push_back({{DraftBuilder{id}.build()}, false});
    return run(one.store().append(std::move(requests))).front().front().event.position;
  }
  bool gave(LogPlace place) { return run(one.store().gave(place)); }
  template <class T>
  T run(asio::awaitable<T> work) {
    return result_of(loop, asio::co_spawn(loop, std::move(work), asio::use_future), "the store");
  }
  std::int64_t count() { return one.connect().query_integer("SELECT count(*) FROM lives"); }

  asio::io_context loop;
  SqliteUnderTest one{loop};
};

TEST_F(SqliteLives, CursorsOfAVersionThatKnewNoneGoOnWorking) {
  append("a");
  append("b");
  one.close();
  {
    sqlite::Connection old(one.file(), sqlite::OpenMode::read_write);
    old.execute("DROP TABLE lives; UPDATE schema_versions SET version = 1 WHERE component = 'store'");
  }
  one.reopen();
  EXPECT_EQ(append("c"), 3);
  EXPECT_TRUE(gave({1, 0}));
  EXPECT_TRUE(gave({2, 0}));
  EXPECT_FALSE(gave({3, 0})) << "that version may have given it in a time that was lost since";
}

TEST_F(SqliteLives, AreRecordedOnceTheyGaveSomething) {
  one.reopen();
  EXPECT_EQ(count(), 0);
  for (const char* id : {"a", "b", "c"}) {
    append(id);
    append(id);
    one.reopen();
    one.reopen();
  }
  EXPECT_EQ(count(), 3);
}

TEST_F(SqliteLives, AreForgottenAfterManyOthers) {
  append("a");
  const auto first = run(one.store().get("a"))->place();
  one.close();
  {
    sqlite::Connection file(one.file(), sqlite::OpenMode::read_write);
    file.execute(
        "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 5000) INSERT INTO lives SELECT n, n "
        "FROM n; UPDATE deleted SET last_position = 6000");
  }
  one.reopen();
  append("b");
  EXPECT_EQ(count(), static_cast<std::int64_t>(LogLives::most));
  EXPECT_TRUE(gave(first));
  EXPECT_FALSE(gave({5000, 4711}));
}

}  // namespace
}  // namespace eventbus
