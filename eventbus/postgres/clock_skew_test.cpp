#include "eventbus/postgres/clock_skew.hpp"

#include <gmock/gmock.h>

#include "eventbus/postgres/testing/on_loop.hpp"
#include "eventbus/postgres/testing/test_server.hpp"

namespace eventbus::postgres {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using namespace std::chrono_literals;

const Timestamp noon{std::chrono::sys_days{std::chrono::year{2026} / 11 / 26} + 12h};

TEST(ClockSkew, LeavesOutWhatTheWayMayExplain) {
  EXPECT_EQ(skew_between(noon, noon + 10ms, noon + 20ms), 0us);
  EXPECT_EQ(skew_between(noon, noon + 7s, noon + 1s), 6s);
  EXPECT_EQ(skew_between(noon, noon - 7s, noon + 1s), -7s);
}

TEST(ClockSkew, IsToldBeyondSomeSeconds) {
  const auto server = ConnectionSettings::parse("postgresql://ann:s3cret@db/events").value();
  for (const auto tolerated : {0s, 5s, -5s}) EXPECT_FALSE(describe_skew(tolerated, server));
  EXPECT_THAT(describe_skew(90s, server).value(),
              AllOf(HasSubstr("DATABASE_URL is 90 s ahead of ours"), HasSubstr("NTP")));
  EXPECT_THAT(describe_skew(-6s, server).value(), HasSubstr("6 s behind"));
}

TEST(ClockSkew, IsMeasured) {
  asio::io_context loop;
  MetricRegistry registry;
  PoolMetrics metrics(registry);
  ConnectionPool pool(loop.get_executor(), ConnectionSettings::parse(TestServer::shared().url()).value(), {}, metrics);
  EXPECT_EQ(run_on(loop, measure_skew(pool, soon())), 0us);
}

}  // namespace
}  // namespace eventbus::postgres
