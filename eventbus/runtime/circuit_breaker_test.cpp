#include "eventbus/runtime/circuit_breaker.hpp"

#include <gtest/gtest.h>

namespace eventbus {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using State = CircuitBreaker::State;

class CircuitBreakerTest : public testing::Test {
 protected:
  void fail(int times) {
    for (int count = 0; count < times; ++count) breaker.failed(now, 0.0);
  }
  /// With `random` 0 the n-th cool-down is 500 ms × 2^(n-1).
  void pass(milliseconds time) { now += time; }

  CircuitBreaker::Time now{seconds{1000}};
  CircuitBreaker breaker{"postgres", {}};
};

TEST_F(CircuitBreakerTest, OpensAfterFailuresInARow) {
  fail(4);
  EXPECT_TRUE(breaker.allow(now));
  breaker.succeeded();
  fail(4);
  EXPECT_EQ(breaker.state(), State::closed);
  fail(1);
  EXPECT_EQ(breaker.state(), State::open);
  EXPECT_EQ(breaker.failures(), 5u);
  EXPECT_FALSE(breaker.allow(now));
  EXPECT_EQ(breaker.next_probe(), now + milliseconds{500});
}

TEST_F(CircuitBreakerTest, LetsOneCallProbe) {
  fail(5);
  pass(milliseconds{499});
  EXPECT_FALSE(breaker.allow(now));
  pass(milliseconds{1});
  EXPECT_TRUE(breaker.allow(now));
  EXPECT_EQ(breaker.state(), State::half_open);
  EXPECT_FALSE(breaker.allow(now));
  EXPECT_FALSE(breaker.next_probe());
  breaker.succeeded();
  EXPECT_EQ(breaker.state(), State::closed);
  EXPECT_EQ(breaker.failures(), 0u);
  EXPECT_TRUE(breaker.allow(now));
}

TEST_F(CircuitBreakerTest, WaitsLongerAfterEveryFailedProbe) {
  fail(5);
  for (const int wait : {500, 1000, 2000, 4000, 8000, 15000, 15000}) {
    EXPECT_EQ(breaker.next_probe(), now + milliseconds{wait});
    pass(milliseconds{wait});
    ASSERT_TRUE(breaker.allow(now));
    breaker.failed(now, 0.0);
  }
}

TEST_F(CircuitBreakerTest, JittersTheCoolDown) {
  for (int count = 0; count < 5; ++count) breaker.failed(now, 0.5);
  EXPECT_EQ(breaker.next_probe(), now + milliseconds{750});
}

TEST_F(CircuitBreakerTest, LateFailuresOfEarlierCallsDoNotProlongTheCoolDown) {
  fail(5);
  const auto probe = breaker.next_probe();
  pass(milliseconds{100});
  fail(3);
  EXPECT_EQ(breaker.next_probe(), probe);
}

TEST_F(CircuitBreakerTest, AnAbandonedProbeMakesRoomForAnother) {
  fail(5);
  pass(milliseconds{500});
  ASSERT_TRUE(breaker.allow(now));
  breaker.abandoned();
  EXPECT_TRUE(breaker.allow(now));
}

TEST_F(CircuitBreakerTest, IsHeldOpenByHand) {
  breaker.open();
  pass(seconds{3600});
  EXPECT_FALSE(breaker.allow(now));
  breaker.succeeded();
  EXPECT_TRUE(breaker.held_open());
  EXPECT_EQ(breaker.state(), State::open);
  breaker.close();
  EXPECT_TRUE(breaker.allow(now));
}

TEST_F(CircuitBreakerTest, ClosedByHandItRemembersItsCoolDownsAndResetItDoesNot) {
  fail(5);
  breaker.close();
  fail(5);
  EXPECT_EQ(breaker.next_probe(), now + milliseconds{1000});
  breaker.reset();
  fail(5);
  EXPECT_EQ(breaker.next_probe(), now + milliseconds{500});
}

}  // namespace
}  // namespace eventbus
