#include "eventbus/core/retry_policy.hpp"

#include <gtest/gtest.h>

namespace eventbus {
namespace {

using std::chrono::milliseconds;

TEST(RetryPolicy, DoublesUpToTheLongestDelay) {
  const RetryPolicy policy;
  EXPECT_EQ(policy.ceiling(1), milliseconds{1000});
  EXPECT_EQ(policy.ceiling(2), milliseconds{2000});
  EXPECT_EQ(policy.ceiling(6), milliseconds{32000});
  EXPECT_EQ(policy.ceiling(7), milliseconds{60000});
  EXPECT_EQ(policy.ceiling(4'000'000'000U), milliseconds{60000});
}

TEST(RetryPolicy, SpreadsTheWaitOverTheWholeSpan) {
  const RetryPolicy policy;
  EXPECT_EQ(policy.wait(2, 0.0), milliseconds{0});
  EXPECT_EQ(policy.wait(2, 0.5), milliseconds{1000});
  EXPECT_LT(policy.wait(2, 0.999999), milliseconds{2000});
}

TEST(RetryPolicy, HoldsAtTheEdges) {
  const RetryPolicy constant{.max_retries = 5, .delay = milliseconds{10}, .backoff = 1.0, .max_delay = milliseconds{5}};
  EXPECT_EQ(constant.ceiling(3), milliseconds{5});
  const RetryPolicy at_once{.delay = milliseconds{0}, .backoff = 100.0};
  EXPECT_EQ(at_once.ceiling(4'000'000'000U), milliseconds{0});
}

}  // namespace
}  // namespace eventbus
