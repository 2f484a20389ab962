#include "eventbus/store/postgres/postgres_leadership.hpp"

#include <gtest/gtest.h>

#include "eventbus/postgres/testing/on_loop.hpp"
#include "eventbus/store/postgres/postgres_under_test.hpp"

namespace eventbus {
namespace {

using postgres::run_on;
using postgres::TestServer;

TEST(PostgresLeadership, IsHeldByOneAndPassesOnWhenItResignsOrItsSessionEnds) {
  asio::io_context loop;
  const auto url = TestServer::shared().create_database();
  PostgresUnderTest one(loop, url);
  PostgresUnderTest two(loop, url);
  PostgresLeadership first(one.pool(), 7);
  PostgresLeadership second(two.pool(), 7);
  EXPECT_TRUE(run_on(loop, first.lead()));
  EXPECT_TRUE(run_on(loop, first.lead()));
  EXPECT_FALSE(run_on(loop, second.lead()));
  run_on(loop, first.resign());
  EXPECT_TRUE(run_on(loop, second.lead()));
  EXPECT_FALSE(run_on(loop, first.lead()));
  TestServer::ask(url, "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'");
  wait_until("the first to lead", [&] { return run_on(loop, first.lead()); });
  wait_until("the second to follow", [&] { return !run_on(loop, second.lead()); });
  EXPECT_TRUE(run_on(loop, first.lead()));
  run_on(loop, first.resign());
  run_on(loop, second.resign());
}

}  // namespace
}  // namespace eventbus
