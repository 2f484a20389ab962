#include "eventbus/amqp/reconnect_schedule.hpp"

#include <gtest/gtest.h>

namespace eventbus::amqp {
namespace {

using namespace std::chrono_literals;
using Attempt = ReconnectSchedule::Attempt;

constexpr RetryPolicy policy{.delay = 1s, .backoff = 2.0, .max_delay = 5s};
const ReconnectSchedule::Time start{1h};

ReconnectSchedule::Random always(double value) {
  return [value] { return value; };
}

TEST(ReconnectSchedule, BeginsAtOnceWithTheFirstHost) {
  const ReconnectSchedule schedule(policy, 3, always(1.0));
  EXPECT_EQ(schedule.next(), (Attempt{0, {}}));
}

TEST(ReconnectSchedule, TriesTheHostsInTurnAndPausesLongerAfterEachRound) {
  ReconnectSchedule schedule(policy, 2, always(1.0));
  const std::vector<Attempt> expected{{1, start}, {0, start + 1s}, {1, start}, {0, start + 2s},
                                      {1, start}, {0, start + 4s}, {1, start}, {0, start + 5s},
                                      {1, start}, {0, start + 5s}};
  for (const auto& attempt : expected) {
    schedule.failed(start);
    EXPECT_EQ(schedule.next(), attempt);
  }
}

TEST(ReconnectSchedule, SpreadsThePauseByJitter) {
  for (const auto& [random, pause] : {std::pair(0.0, 0ms), {0.25, 250ms}, {0.999, 999ms}}) {
    ReconnectSchedule schedule(policy, 1, always(random));
    schedule.failed(start);
    EXPECT_EQ(schedule.next(), (Attempt{0, start + pause}));
  }
}

TEST(ReconnectSchedule, TriesALostHostFirstAndAfreshWhenItWasStable) {
  ReconnectSchedule schedule(policy, 2, always(1.0));
  for (int failure = 0; failure < 5; ++failure) schedule.failed(start);
  EXPECT_EQ(schedule.next().host, 1u);
  schedule.connected(start);
  schedule.lost(start + ReconnectSchedule::stable);
  EXPECT_EQ(schedule.next(), (Attempt{1, start + ReconnectSchedule::stable + 1s}));
  schedule.failed(start);
  EXPECT_EQ(schedule.next(), (Attempt{0, start}));
}

TEST(ReconnectSchedule, CountsAConnectionThatIsDroppedAtOnceAsAFailure) {
  ReconnectSchedule schedule(policy, 1, always(1.0));
  for (const auto pause : {1s, 2s, 4s, 5s}) {
    schedule.connected(start);
    schedule.lost(start + 1ms);
    EXPECT_EQ(schedule.next().at, start + 1ms + pause);
  }
}

}  // namespace
}  // namespace eventbus::amqp
