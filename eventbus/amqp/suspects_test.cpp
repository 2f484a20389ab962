#include "eventbus/amqp/suspects.hpp"

#include <gtest/gtest.h>

namespace eventbus::amqp {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

TEST(SuspectsTest, RestLongerEachTimeUpToTwoMinutes) {
  Suspects suspects;
  const Suspects::Time now{minutes{60}};
  EXPECT_EQ(suspects.rests_until("q"), Suspects::Time{});
  suspects.suspect("q", now);
  EXPECT_EQ(suspects.rests_until("q"), now) << "at once the first time";
  for (const auto ceiling : {seconds{1}, seconds{2}, seconds{4}, seconds{8}}) {
    suspects.suspect("q", now);
    EXPECT_GE(suspects.rests_until("q"), now + ceiling / 2.0);
    EXPECT_LE(suspects.rests_until("q"), now + ceiling);
  }
  for (int times = 0; times < 100; ++times) suspects.suspect("q", now);
  EXPECT_GE(suspects.rests_until("q"), now + minutes{1});
  EXPECT_LE(suspects.rests_until("q"), now + minutes{2});
  EXPECT_EQ(suspects.rests_until("other"), Suspects::Time{});
}

TEST(SuspectsTest, AreCleared) {
  Suspects suspects;
  const Suspects::Time now{minutes{60}};
  for (int times = 0; times < 5; ++times) suspects.suspect("q", now);
  suspects.clear("q");
  EXPECT_EQ(suspects.rests_until("q"), Suspects::Time{});
  suspects.suspect("q", now);
  EXPECT_EQ(suspects.rests_until("q"), now);
}

TEST(SuspectsTest, AreForgottenWhenNobodyConsumesThemAnyMore) {
  Suspects suspects;
  const Suspects::Time now{minutes{60}};
  suspects.suspect("gone", now);
  suspects.suspect("q", now + minutes{9});
  EXPECT_EQ(suspects.rests_until("gone"), now);
  suspects.suspect("q", now + minutes{11});
  EXPECT_EQ(suspects.rests_until("gone"), Suspects::Time{});
}

}  // namespace
}  // namespace eventbus::amqp
