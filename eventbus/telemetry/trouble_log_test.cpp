#include "eventbus/telemetry/trouble_log.hpp"

#include <gtest/gtest.h>

namespace eventbus {
namespace {

using std::chrono::seconds;

constexpr TroubleLog::Time start{seconds{1000}};

TEST(TroubleLog, TellsOfATextOnceAMinute) {
  TroubleLog troubles;
  EXPECT_EQ(troubles.level("refused", start), LogLevel::warning);
  EXPECT_EQ(troubles.level("refused", start + seconds{59}), LogLevel::debug);
  EXPECT_EQ(troubles.level("refused", start + seconds{60}), LogLevel::warning);
  EXPECT_EQ(troubles.level("refused", start + seconds{61}), LogLevel::debug);
}

TEST(TroubleLog, TellsOfAnotherTextAtOnce) {
  TroubleLog troubles;
  EXPECT_EQ(troubles.level("refused", start), LogLevel::warning);
  EXPECT_EQ(troubles.level("no answer", start), LogLevel::warning);
  EXPECT_EQ(troubles.level("refused", start), LogLevel::debug);
}

TEST(TroubleLog, BeginsAnewWhenItWasOver) {
  TroubleLog troubles;
  EXPECT_FALSE(troubles.over());
  EXPECT_EQ(troubles.level("refused", start), LogLevel::warning);
  EXPECT_TRUE(troubles.over());
  EXPECT_EQ(troubles.level("refused", start), LogLevel::warning);
}

TEST(TroubleLog, StaysSmall) {
  TroubleLog troubles;
  for (int number = 0; number < 1000; ++number)
    EXPECT_EQ(troubles.level(std::to_string(number), start), LogLevel::warning);
}

}  // namespace
}  // namespace eventbus
