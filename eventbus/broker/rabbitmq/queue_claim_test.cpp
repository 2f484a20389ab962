#include "eventbus/broker/rabbitmq/queue_claim.hpp"

#include <gmock/gmock.h>

#include "eventbus/postgres/testing/on_loop.hpp"
#include "eventbus/postgres/testing/test_server.hpp"

namespace eventbus::rabbitmq {
namespace {

using Work = QueueCatalog::Work;
using ::testing::HasSubstr;

asio::awaitable<int> answer() {
  co_return 42;
}

asio::awaitable<int> step(QueueClaim& claim) {
  co_await claim.go_on();
  co_return 42;
}

template <class Failure>
asio::awaitable<int> failing_step(QueueClaim& claim) {
  co_await claim.go_on();
  throw Failure("a step", "it failed");
}

asio::awaitable<int> failing() {
  throw Unavailable("looking", "it failed");
  co_return 42;
}

class QueueClaimTest : public testing::Test {
 protected:
  void SetUp() override {
    run(catalog.migrate());
    // Two instances that run.
    run(others->script("SELECT pg_advisory_lock_shared(1), pg_advisory_lock_shared(2)", postgres::soon()));
  }
  void TearDown() override { pool.close(); }

  template <class T>
  T run(asio::awaitable<T> operation) {
    return postgres::run_on(loop, std::move(operation));
  }
  bool taken_by_second(Work wanted) {
    QueueClaim claim(catalog, seconds_work, "q", 2);
    if (!run(claim.take(wanted))) return false;
    EXPECT_EQ(run(claim.during(answer())), 42);
    return true;
  }
  std::string ask(const std::string& sql) { return postgres::TestServer::ask(database, sql); }

  asio::io_context loop;
  std::string database = postgres::TestServer::shared().create_database();
  MetricRegistry registry;
  postgres::PoolMetrics metrics{registry};
  postgres::ConnectionSettings settings = postgres::ConnectionSettings::parse(database).value();
  postgres::ConnectionPool pool{loop.get_executor(), settings, {}, metrics};
  QueueCatalog catalog{pool, std::chrono::seconds{30}};
  std::unique_ptr<postgres::Connection> others =
      run(postgres::Connection::connect(loop.get_executor(), settings, postgres::soon()));
  std::set<std::string> work;
  std::set<std::string> seconds_work;
};

TEST_F(QueueClaimTest, KeepsOthersOutUntilTheWorkIsDone) {
  QueueClaim claim(catalog, work, "q", 1);
  ASSERT_TRUE(run(claim.take(Work::making)));
  EXPECT_FALSE(taken_by_second(Work::making));
  EXPECT_FALSE(taken_by_second(Work::removing));
  QueueClaim another(catalog, work, "another", 1);
  EXPECT_TRUE(run(another.take(Work::removing)));
  EXPECT_EQ(run(claim.during(step(claim))), 42);
  EXPECT_TRUE(taken_by_second(Work::making));
}

TEST_F(QueueClaimTest, KeepsOthersOfTheSameInstanceOut) {
  {
    QueueClaim claim(catalog, work, "q", 1);
    ASSERT_TRUE(run(claim.take(Work::making)));
    QueueClaim again(catalog, work, "q", 1);
    EXPECT_FALSE(run(again.take(Work::making)));
  }
  QueueClaim later(catalog, work, "q", 1);
  EXPECT_TRUE(run(later.take(Work::making))) << "one that was left is gone on with";
}

TEST_F(QueueClaimTest, IsKeptOnlyWhenTheServerGaveNoAnswer) {
  {
    QueueClaim claim(catalog, work, "q", 1);
    ASSERT_TRUE(run(claim.take(Work::making)));
    EXPECT_THROW(run(claim.during(failing())), Unavailable);
  }
  EXPECT_TRUE(taken_by_second(Work::removing)) << "nothing had been begun";
  {
    QueueClaim claim(catalog, work, "q", 1);
    ASSERT_TRUE(run(claim.take(Work::making)));
    EXPECT_THROW(run(claim.during(failing_step<amqp::Refused>(claim))), amqp::Refused);
  }
  EXPECT_TRUE(taken_by_second(Work::removing)) << "the server had answered";
  {
    QueueClaim claim(catalog, work, "q", 1);
    ASSERT_TRUE(run(claim.take(Work::making)));
    EXPECT_THROW(run(claim.during(failing_step<Unavailable>(claim))), Unavailable);
  }
  EXPECT_FALSE(taken_by_second(Work::removing)) << "it may be under way";
  ask("UPDATE eventbus_queue_claims SET until = now()");
  EXPECT_TRUE(taken_by_second(Work::removing));
}

TEST_F(QueueClaimTest, OutlivesItsInstanceByFiveSeconds) {
  QueueClaim claim(catalog, work, "q", 3);  // does not run
  ASSERT_TRUE(run(claim.take(Work::removing)));
  EXPECT_FALSE(taken_by_second(Work::making)) << "RabbitMQ may be at it";
  ask("UPDATE eventbus_queue_claims SET until = until - interval '5 seconds'");
  EXPECT_TRUE(taken_by_second(Work::making));
}

TEST_F(QueueClaimTest, WhatAnInstanceMadeItMayRemove) {
  for (const auto first : {Work::making, Work::removing}) {
    ask("DELETE FROM eventbus_queue_claims");
    {
      QueueClaim claim(catalog, work, "q", 1);
      ASSERT_TRUE(run(claim.take(first)));
    }
    QueueClaim making(catalog, work, "q", 1);
    EXPECT_EQ(run(making.take(Work::making)), first == Work::making);
    QueueClaim another(catalog, seconds_work, "q", 1);
    EXPECT_TRUE(run(another.take(Work::removing)));
  }
}

TEST_F(QueueClaimTest, DoesNotGoOnOnceItHasLapsed) {
  QueueClaim claim(catalog, work, "q", 1);
  ASSERT_TRUE(run(claim.take(Work::removing)));
  ask("UPDATE eventbus_queue_claims SET until = now() + interval '10 seconds'");
  run(claim.go_on());
  EXPECT_EQ(ask("SELECT until > now() + interval '11 seconds' FROM eventbus_queue_claims"), "t") << "prolonged";
  ask("UPDATE eventbus_queue_claims SET until = now()");
  try {
    run(claim.during(step(claim)));
    ADD_FAILURE() << "it went on";
  } catch (const Unavailable& failure) {
    EXPECT_THAT(failure.what(), HasSubstr("queue 'q'"));
    EXPECT_THAT(failure.what(), HasSubstr("took too long"));
  }
  EXPECT_TRUE(taken_by_second(Work::making));
}

TEST_F(QueueClaimTest, OnlyARemovalThatIsGrantedTellsTheOthers) {
  const auto revision = [this] { return run(catalog.revision()); };
  const auto before = revision();
  QueueClaim claim(catalog, work, "q", 1);
  ASSERT_TRUE(run(claim.take(Work::removing)));
  EXPECT_EQ(revision(), before + 1);
  EXPECT_FALSE(taken_by_second(Work::removing));
  EXPECT_EQ(revision(), before + 1);
}

}  // namespace
}  // namespace eventbus::rabbitmq
