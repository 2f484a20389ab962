#include "eventbus/store/postgres/life_keeper.hpp"

#include <gmock/gmock.h>

#include <cstdlib>

#include "eventbus/postgres/testing/on_loop.hpp"
#include "eventbus/store/conformance/event_store_lives.hpp"
#include "eventbus/store/postgres/postgres_under_test.hpp"

namespace eventbus {
namespace {

using postgres::run_on;
using postgres::TestServer;

std::unique_ptr<StoreUnderTest> make_living(asio::io_context& loop) {
  return std::make_unique<PostgresUnderTest>(loop);
}

INSTANTIATE_TEST_SUITE_P(Adapter, EventStoreLives, testing::Values(StoreCase{"postgres", make_living}), case_name);

class PostgresLives : public testing::Test {
 protected:
  LogPlace append(PostgresUnderTest& instance, const std::string& id) {
    std::vector<AppendRequest> requests;
    requests.push_back({{DraftBuilder{id}.build()}, false});
    return run_on(loop, instance.store().append(std::move(requests))).front().front().event.place();
  }
  bool gave(PostgresUnderTest& instance, LogPlace place) { return run_on(loop, instance.store().gave(place)); }
  std::string ask(const std::string& sql) const { return TestServer::ask(url, sql); }
  std::string lives() const { return ask("SELECT count(*) FROM eventbus_lives"); }
  void end_sessions() const {
    ask("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()");
  }

  asio::io_context loop;
  TestServer server;
  std::string url = server.create_database();
};

TEST_F(PostgresLives, BeginWithTheServerAndAreTheSameForAllInstances) {
  PostgresUnderTest one(loop, url);
  PostgresUnderTest two(loop, url);
  const auto before = append(one, "a");
  EXPECT_EQ(before.life, 0U) << "as long as older instances may be beside us";
  EXPECT_EQ(lives(), "1");
  server.restart();
  const auto after = append(one, "b");
  EXPECT_NE(after.life, 0U);
  for (auto* instance : {&two, &one}) {
    EXPECT_TRUE(gave(*instance, before));
    EXPECT_TRUE(gave(*instance, after));
    EXPECT_FALSE(gave(*instance, {after.position, 0}));
    EXPECT_EQ(run_on(loop, instance->store().get("a"))->place(), before);
    EXPECT_EQ(run_on(loop, instance->store().get("b"))->place(), after);
  }
  two.reopen();
  EXPECT_TRUE(gave(two, after));
  EXPECT_EQ(append(two, "c").life, after.life);
  EXPECT_EQ(lives(), "2");
}

TEST_F(PostgresLives, ServersWithoutEventsLeaveNone) {
  PostgresUnderTest one(loop, url);
  append(one, "a");
  for (int restarts = 1; restarts <= 3; ++restarts) {
    server.restart();
    one.reopen();
  }
  EXPECT_EQ(lives(), "2");
}

TEST_F(PostgresLives, FilesPutBackGiveTheSamePositionsInAnotherLife) {
  PostgresUnderTest one(loop, url);
  const auto kept = append(one, "a");
  const auto data = (server.directory() / "data").string();
  server.stop();
  ASSERT_EQ(std::system(("cp -a " + data + " " + data + "-copy").c_str()), 0);
  server.start();
  const auto lost = append(one, "b");
  EXPECT_TRUE(gave(one, lost));
  server.stop();
  ASSERT_EQ(std::system(("rm -r " + data + " && mv " + data + "-copy " + data).c_str()), 0);
  server.start();
  one.reopen();
  EXPECT_TRUE(gave(one, kept));
  EXPECT_FALSE(gave(one, lost));
  const auto again = append(one, "c");
  EXPECT_LE(again.position >> 20, (lost.position >> 20) + 1) << "the numbers of transactions come again";
  EXPECT_TRUE(gave(one, again));
  EXPECT_FALSE(gave(one, lost));
  EXPECT_FALSE(gave(one, {again.position, lost.life}));
}

TEST_F(PostgresLives, BeginWhereTheRowsWereCopied) {
  PostgresUnderTest one(loop, url);
  append(one, "a");
  const auto lost = append(one, "b");
  // As a dump of data alone, taken after "a", would be put into emptied tables.
  ask("DELETE FROM events WHERE event_id = 'b'; CREATE TABLE dump AS SELECT * FROM eventbus_lives; "
      "DELETE FROM eventbus_lives; INSERT INTO eventbus_lives SELECT * FROM dump");
  one.reopen();
  EXPECT_FALSE(gave(one, lost));
  EXPECT_EQ(lives(), "2");
}

TEST_F(PostgresLives, AnInstanceWhoseLogIsPutBackBeneathItEnds) {
  PostgresUnderTest one(loop, url);
  append(one, "a");
  run_on(loop, one.store().look());
  server.restart();
  run_on(loop, one.store().look());  // the log has what it had: all is well
  append(one, "b");
  ask("DELETE FROM events WHERE event_id = 'b'");
  server.restart();
  EXPECT_THROW(run_on(loop, one.store().get("a")), Unavailable);
  try {
    run_on(loop, one.store().look());
    FAIL() << "it goes on";
  } catch (const Unavailable&) {
    FAIL() << "it would be tried again";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("Start it again"));
  }
  one.reopen();
  EXPECT_TRUE(run_on(loop, one.store().get("a")));
}

TEST_F(PostgresLives, AServerThatOnlyReadsIsReadFrom) {
  PostgresUnderTest one(loop, url);
  const auto place = append(one, "a");
  ask("DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() || ' SET default_transaction_read_only = on'; END "
      "$$");
  server.restart();
  EXPECT_EQ(run_on(loop, one.store().get("a"))->place(), place);
  EXPECT_TRUE(gave(one, place));
  EXPECT_EQ(lives(), "1");
}

}  // namespace
}  // namespace eventbus
