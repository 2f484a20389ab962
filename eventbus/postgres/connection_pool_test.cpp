#include "eventbus/postgres/connection_pool.hpp"

#include <gmock/gmock.h>

#include "eventbus/postgres/testing/on_loop.hpp"
#include "eventbus/postgres/testing/test_server.hpp"
#include "eventbus/runtime/signal.hpp"
#include "eventbus/runtime/task_group.hpp"

namespace eventbus::postgres {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

class ConnectionPoolTest : public testing::Test {
 public:
  ConnectionPool make(PoolSettings settings, const std::string& url) {
    return {loop.get_executor(), ConnectionSettings::parse(url).value(), settings, metrics};
  }

  MetricRegistry registry;
  PoolMetrics metrics{registry};
  asio::io_context loop;
};

asio::awaitable<std::int64_t> backend(ConnectionPool& pool) {
  auto lease = co_await pool.acquire();
  const auto rows = co_await lease->execute(Statement("SELECT pg_backend_pid()"), soon());
  co_return rows[0].integer(0);
}

asio::awaitable<std::string> failure_of(ConnectionPool& pool) {
  try {
    co_await backend(pool);
  } catch (const Unavailable& error) {
    co_return error.what();
  }
  co_return "";
}

asio::awaitable<std::string> trouble_with(ConnectionPool& pool, std::string sql) {
  auto lease = co_await pool.acquire();
  try {
    Statement statement(std::move(sql));
    co_await lease->execute(std::move(statement), soon());
  } catch (const Unavailable& error) {
    co_return error.what();
  }
  co_return "";
}

asio::awaitable<std::string> refusal_of(ConnectionPool& pool) {
  return trouble_with(pool, "SELECT 1/0");
}

asio::awaitable<std::string> end_of_session(ConnectionPool& pool) {
  return trouble_with(pool, "SELECT pg_terminate_backend(pg_backend_pid())");
}

TEST_F(ConnectionPoolTest, LendsAConnectionAgainAndLeavesNoWorkOnTheLoop) {
  auto pool = make({.max = 2}, TestServer::shared().url());
  const auto first = run_on(loop, backend(pool));
  EXPECT_EQ(run_on(loop, backend(pool)), first);
  EXPECT_THAT(registry.serialize(), HasSubstr("eventbus_pool_connections{state=\"idle\"} 1"));
  pool.close();
  EXPECT_THAT(registry.serialize(), HasSubstr("eventbus_pool_connections{state=\"idle\"} 0"));
  EXPECT_THAT(run_on(loop, failure_of(pool)), HasSubstr("shuts down"));
}

asio::awaitable<void> hold(ConnectionPool& pool, Signal& release) {
  const auto lease = co_await pool.acquire();
  co_await release.wait();
}

asio::awaitable<void> note(ConnectionPool& pool, int number, std::vector<int>& order) {
  const auto lease = co_await pool.acquire();
  order.push_back(number);
}

TEST_F(ConnectionPoolTest, ServesWaitersInTheOrderTheyCame) {
  auto pool = make({.max = 1}, TestServer::shared().url());
  Signal release(loop.get_executor());
  std::vector<int> order;
  run_on(loop, pool.warm_up());
  TaskGroup tasks(loop.get_executor());
  tasks.spawn("hold", hold(pool, release));
  for (int n = 0; n < 5; ++n) tasks.spawn("note", note(pool, n, order));
  run_until(loop, "the connection to be held", [&] { return release.waiting() != 0; });
  release.notify_all();
  run_to_end(loop, "everybody's turn");
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST_F(ConnectionPoolTest, RefusesWhenAllAreBusyForTooLongOrTooManyWait) {
  auto pool = make({.max = 1, .acquire_timeout = 2s, .max_waiting = 1}, TestServer::shared().url());
  Signal release(loop.get_executor());
  run_on(loop, pool.warm_up());
  TaskGroup tasks(loop.get_executor());
  tasks.spawn("hold", hold(pool, release));
  auto late = asio::co_spawn(loop, failure_of(pool), asio::use_future);
  auto too_many = asio::co_spawn(loop, failure_of(pool), asio::use_future);
  EXPECT_THAT(result_of(loop, std::move(late), "the late one"), HasSubstr("raise POOL_MAX_SIZE"));
  EXPECT_THAT(result_of(loop, std::move(too_many), "the one too many"), HasSubstr("too many operations wait"));
  release.notify_all();
  run_to_end(loop, "the end of everybody");
}

TEST_F(ConnectionPoolTest, WorksAgainByItselfAfterTheServerWasKilled) {
  TestServer server;
  auto pool = make({.max = 3, .acquire_timeout = 1s}, server.url());
  run_on(loop, pool.warm_up());
  server.kill();
  EXPECT_THAT(run_on(loop, failure_of(pool)), HasSubstr("Is the server running"));
  EXPECT_FALSE(pool.connected());
  server.start();
  auto patient = make({.max = 3, .acquire_timeout = 30s}, server.url());
  EXPECT_NE(run_on(loop, backend(patient)), 0);
  wait_until("the pool to work again", [&] { return run_on(loop, failure_of(pool)).empty(); });
  EXPECT_TRUE(pool.connected());
  server.restart();
  EXPECT_EQ(run_on(loop, failure_of(patient)), "") << "connections that the server closed are not lent";
}

TEST_F(ConnectionPoolTest, FailsAtOnceAfterFiveFailuresInARowAndProbesByItself) {
  TestServer server;
  auto pool = make({.max = 3, .acquire_timeout = 30s}, server.url());
  server.stop();
  auto waiting = asio::co_spawn(loop, failure_of(pool), asio::use_future);
  auto also = asio::co_spawn(loop, failure_of(pool), asio::use_future);
  run_to_end(loop, "two refusals");
  EXPECT_THAT(waiting.get(), HasSubstr("Is the server running"));
  EXPECT_THAT(also.get(), HasSubstr("Is the server running"));
  EXPECT_EQ(pool.guard().breaker().failures(), 5u);
  EXPECT_THAT(run_on(loop, failure_of(pool)), HasSubstr("its circuit breaker is open"));
  server.start();
  wait_until("the pool to work again", [&] { return run_on(loop, failure_of(pool)).empty(); });
  EXPECT_TRUE(pool.guard().closed());
}

TEST_F(ConnectionPoolTest, WhatTheServerAnswersIsNoFailure) {
  auto pool = make({.max = 3}, TestServer::shared().url());
  for (int count = 0; count < 10; ++count) EXPECT_NE(run_on(loop, refusal_of(pool)), "");
  EXPECT_EQ(pool.guard().breaker().failures(), 0u);
}

TEST_F(ConnectionPoolTest, ConnectionsThatAreLostWhileInUseAreFailures) {
  auto pool = make({.min = 5, .max = 5}, TestServer::shared().url());
  run_on(loop, pool.warm_up());
  for (int count = 0; count < 5; ++count) EXPECT_NE(run_on(loop, end_of_session(pool)), "");
  EXPECT_THAT(run_on(loop, failure_of(pool)), HasSubstr("its circuit breaker is open"));
  pool.guard().reset();
  EXPECT_EQ(run_on(loop, failure_of(pool)), "");
}

TEST_F(ConnectionPoolTest, HeldOpenItLendsNothing) {
  auto pool = make({.max = 3}, TestServer::shared().url());
  run_on(loop, pool.warm_up());
  pool.guard().open();
  EXPECT_THAT(run_on(loop, failure_of(pool)), HasSubstr("POST /breakers/postgres/close"));
  pool.guard().close();
  EXPECT_EQ(run_on(loop, failure_of(pool)), "");
}

TEST_F(ConnectionPoolTest, AFrozenServerIsGivenUpAtTheDeadline) {
  TestServer server;
  auto pool = make({.max = 2, .acquire_timeout = 1s}, server.url());
  server.freeze();
  EXPECT_THAT(run_on(loop, failure_of(pool)), HasSubstr("no answer in time"));
  server.thaw();
  wait_until("the pool to work again", [&] { return run_on(loop, failure_of(pool)).empty(); });
}

TEST_F(ConnectionPoolTest, AWrongPasswordIsToldAtOnce) {
  auto pool = make({.acquire_timeout = 1h}, TestServer::shared().locked_url("wrong"));
  EXPECT_THAT(run_on(loop, failure_of(pool)), HasSubstr("Check user and password in DATABASE_URL."));
}

asio::awaitable<void> refuse(Connection& /*connection*/, Deadline /*deadline*/) {
  throw Unavailable("checking", "not good enough");
  co_return;
}

TEST_F(ConnectionPoolTest, ChecksNewConnections) {
  auto pool = make({}, TestServer::shared().url());
  pool.add_check(refuse);
  EXPECT_THAT(run_on(loop, failure_of(pool)), HasSubstr("not good enough"));
}

}  // namespace
}  // namespace eventbus::postgres
