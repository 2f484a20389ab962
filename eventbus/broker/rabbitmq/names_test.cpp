#include "eventbus/broker/rabbitmq/names.hpp"

#include <gtest/gtest.h>

#include <set>

namespace eventbus::rabbitmq {
namespace {

using std::chrono::milliseconds;

TEST(DelaySteps, AreNoShorterThanWhatSomebodyAskedForAndLittleLonger) {
  for (int wanted = 1; wanted <= 100'000; ++wanted) {
    const auto step = retry_step(milliseconds{wanted}).count();
    EXPECT_GE(step, wanted);
    EXPECT_LE(step, wanted + wanted / 8);
  }
  EXPECT_EQ(retry_step(milliseconds{0}), milliseconds{1});
}

TEST(DelaySteps, AreFew) {
  std::set<milliseconds> asked;
  std::set<milliseconds> by_chance;
  for (int wanted = 1; wanted < 1 << 16; ++wanted) {
    asked.insert(retry_step(milliseconds{wanted}));
    by_chance.insert(jittered_step(milliseconds{wanted}));
  }
  EXPECT_LE(asked.size(), 8u * 16u);
  EXPECT_LE(by_chance.size(), 2u * 16u);
}

TEST(RetryQueue, HasANameThatAmqpCanCarry) {
  EXPECT_EQ(retry_queue("q", milliseconds{1000}), "q.retry.1000");
  EXPECT_EQ(retry_queue(std::string(200, 'q'), milliseconds{86'400'000}).size(), 200U + 15U);
  const auto one = retry_queue(std::string(250, 'q'), milliseconds{1000});
  EXPECT_LE(one.size(), 255U);
  EXPECT_NE(one, retry_queue(std::string(251, 'q'), milliseconds{1000}));
}

TEST(DelaySteps, ByChanceAreNoLonger) {
  EXPECT_EQ(jittered_step(milliseconds{0}), milliseconds{1});
  EXPECT_EQ(jittered_step(milliseconds{1000}), milliseconds{768});
  EXPECT_EQ(jittered_step(milliseconds{768}), milliseconds{768});
  EXPECT_EQ(jittered_step(milliseconds{767}), milliseconds{512});
}

}  // namespace
}  // namespace eventbus::rabbitmq
