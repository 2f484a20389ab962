#include "eventbus/core/failure_policy.hpp"

#include <gtest/gtest.h>

namespace eventbus {
namespace {

using std::chrono::milliseconds;

const RetryPolicy twice{.max_retries = 2, .delay = milliseconds{1000}, .backoff = 3.0};

TEST(FailurePolicy, TriesAgainAfterTheBackoffUntilTheRetriesAreUsedUp) {
  EXPECT_EQ(judge(twice, {.attempt = 1}, 0.5).wait, milliseconds{500});
  EXPECT_EQ(judge(twice, {.attempt = 2}, 0.5).wait, milliseconds{1500});
  const auto dead = judge(twice, {.attempt = 3}, 0.5);
  EXPECT_EQ(dead.wait, std::nullopt);
  EXPECT_EQ(dead.reason, "max_retries");
  EXPECT_EQ(judge({.max_retries = 0}, {.attempt = 1}, 0).reason, "max_retries");
}

TEST(FailurePolicy, WaitsAsLongAsTheConsumerSays) {
  EXPECT_EQ(judge(twice, {.attempt = 2, .delay = milliseconds{7}}, 0.5).wait, milliseconds{7});
  EXPECT_EQ(judge(twice, {.attempt = 2, .delay = milliseconds{0}}, 0.5).wait, milliseconds{0});
  EXPECT_EQ(judge(twice, {.attempt = 1, .delay = milliseconds::max()}, 0.5).wait, std::chrono::years{10});
  EXPECT_EQ(judge(twice, {.attempt = 3, .delay = milliseconds{7}}, 0.5).wait, std::nullopt);
}

TEST(FailurePolicy, TellsWhyAnEventIsDead) {
  EXPECT_EQ(judge(twice, {.attempt = 1, .requeue = false}, 0).reason, "rejected");
  EXPECT_EQ(judge(twice, {.attempt = 1, .requeue = false, .reason = "broken"}, 0).reason, "broken");
  EXPECT_EQ(judge(twice, {.attempt = 3, .reason = "broken"}, 0).reason, "broken");
  EXPECT_EQ(judge(twice, {.attempt = 3, .lease_ended = true}, 0).reason, "lease_expired");
  EXPECT_EQ(judge(twice, {.attempt = 1, .reason = "broken", .lease_ended = true}, 0.5).wait, milliseconds{500});
}

}  // namespace
}  // namespace eventbus
