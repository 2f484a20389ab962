#include "eventbus/store/postgres/postgres_leadership.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include "eventbus/store/postgres/postgres_under_test.hpp"
#include "eventbus/testing/waiting.hpp"

namespace eventbus {
namespace {

using postgres::TestServer;
using std::chrono::milliseconds;

bool lead(asio::io_context& loop, PostgresLeadership& leadership) {
  return result_of(loop, asio::co_spawn(loop, leadership.lead(), asio::use_future), "an answer who leads");
}

void resign(asio::io_context& loop, PostgresLeadership& leadership) {
  result_of(loop, asio::co_spawn(loop, leadership.resign(), asio::use_future), "the end of a leadership");
}

TEST(PostgresLeadership, IsHeldByOneAndPassesOnWhenItResignsOrItsSessionEnds) {
  asio::io_context loop;
  const auto url = TestServer::shared().create_database();
  PostgresUnderTest one(loop, url);
  PostgresUnderTest two(loop, url);
  PostgresLeadership first(one.pool(), 7);
  PostgresLeadership second(two.pool(), 7);
  EXPECT_TRUE(lead(loop, first));
  EXPECT_TRUE(lead(loop, first));
  EXPECT_FALSE(lead(loop, second));
  resign(loop, first);
  EXPECT_TRUE(lead(loop, second));
  EXPECT_FALSE(lead(loop, first));
  TestServer::ask(url, "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'");
  wait_until("the first to lead", [&] { return lead(loop, first); });
  wait_until("the second to follow", [&] { return !lead(loop, second); });
  EXPECT_TRUE(lead(loop, first));
  resign(loop, first);
  resign(loop, second);
}

TEST(PostgresLeadership, IsLostByAHolderOfWhichTheServerHearsNothing) {
  asio::io_context loop;
  const auto url = TestServer::shared().create_database();
  PostgresUnderTest one(loop, url);
  PostgresUnderTest two(loop, url);
  PostgresLeadership silent(one.pool(), 7, {.life = milliseconds{1000}, .touch = std::chrono::hours{1}});
  PostgresLeadership other(two.pool(), 7);
  EXPECT_TRUE(lead(loop, silent));
  wait_until("the other to lead", [&] { return lead(loop, other); });
  EXPECT_FALSE(lead(loop, silent));
  resign(loop, other);
  wait_until("the silent one to lead again", [&] { return lead(loop, silent); });
  resign(loop, silent);
}

TEST(PostgresLeadership, IsNotBelievedInWhenTheServerSaysNothing) {
  asio::io_context loop;
  TestServer server;
  PostgresUnderTest one(loop, server.create_database());
  PostgresLeadership first(one.pool(), 7, {.life = milliseconds{1000}, .touch = milliseconds{100}});
  EXPECT_TRUE(lead(loop, first));
  server.freeze();
  const auto believes = [&] {
    try {
      return lead(loop, first);
    } catch (const Unavailable&) {
      return false;
    }
  };
  wait_until("the first to lead no more", [&] { return !believes(); });
  server.thaw();
  wait_until("the first to lead again", believes);
  resign(loop, first);
}

TEST(PostgresLeadership, IsKeptByAHolderThatHasNothingElseToAsk) {
  constexpr std::string_view twice_its_life =
      "SELECT count(*) FROM pg_stat_activity JOIN pg_locks USING (pid) WHERE locktype = 'advisory' AND "
      "clock_timestamp() - backend_start > interval '6 s'";
  asio::io_context loop;
  const auto url = TestServer::shared().create_database();
  PostgresUnderTest one(loop, url);
  PostgresUnderTest two(loop, url);
  PostgresLeadership first(one.pool(), 7, {.life = milliseconds{3000}, .touch = milliseconds{100}});
  PostgresLeadership second(two.pool(), 7);
  EXPECT_TRUE(lead(loop, first));
  wait_until("its session to be old", [&] {
    EXPECT_FALSE(lead(loop, second));
    return TestServer::ask(url, std::string(twice_its_life)) == "1";
  });
  EXPECT_TRUE(lead(loop, first));
  resign(loop, first);
  EXPECT_TRUE(lead(loop, second));
  resign(loop, second);
}

}  // namespace
}  // namespace eventbus
