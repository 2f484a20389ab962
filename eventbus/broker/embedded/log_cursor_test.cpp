#include "eventbus/broker/embedded/log_cursor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eventbus/broker/embedded/queue_rig.hpp"

namespace eventbus::embedded {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

const CursorLimits two_gaps{.gaps = 2};

TEST(LogCursor, GivesTheOldestOfTooManyGapsRows) {
  Rig rig(definition(), two_gaps);
  rig.publish(6);
  rig.lease(6);
  rig.ack({6});
  const auto commit = rig.commit();
  EXPECT_THAT(spilled(commit), ElementsAre(1, 2, 3));
  EXPECT_THAT(gaps(commit), ElementsAre(4, 5));
  rig.ack({2, 4});
  const auto second = rig.commit();
  EXPECT_THAT(second.settled_rows, ElementsAre(2));
  EXPECT_THAT(gaps(second), ElementsAre(5));
  EXPECT_THAT(spilled(second), IsEmpty());
  EXPECT_EQ(rig.oldest_since(), start);
}

TEST(LogCursor, KeepsTheRowOfARetryThatHadOneBefore) {
  Rig rig(definition(), two_gaps);
  rig.publish(4);
  rig.lease(4);
  rig.ack({4});
  EXPECT_THAT(spilled(rig.commit()), ElementsAre(1));
  rig.state.nack(1, {.attempt = 1, .delay = seconds{5}}, rig.now);
  const auto retried = rig.commit();
  EXPECT_THAT(rows(retried), ElementsAre(1));
  EXPECT_THAT(retried.settled_rows, IsEmpty());
  rig.now += seconds{5};
  rig.state.tick(rig.now);
  EXPECT_THAT(rig.lease(1), ElementsAre(1));
  EXPECT_TRUE(rig.ack({1}, 2));
  EXPECT_THAT(rig.commit().settled_rows, ElementsAre(1)) << "once";
}

TEST(LogCursor, GivesRowsAlsoToWhatNobodyHasSeenYet) {
  Rig rig(definition(), two_gaps);
  rig.publish(5);
  ASSERT_TRUE(rig.ack({5}));  // from before a restart
  const auto commit = rig.commit();
  EXPECT_THAT(spilled(commit), ElementsAre(1, 2));
  EXPECT_THAT(gaps(commit), ElementsAre(3, 4));
  EXPECT_EQ(rig.state.ready(), 4U);
  EXPECT_THAT(rig.lease(9), ElementsAre(1, 2, 3, 4));
  rig.ack({1, 3});
  const auto second = rig.commit();
  EXPECT_THAT(second.settled_rows, ElementsAre(1));
  EXPECT_THAT(gaps(second), ElementsAre(4));
}

TEST(LogCursor, CountsWhatItKeepsAtHandBehindTheFrontier) {
  Rig rig;
  rig.publish(5);
  ASSERT_TRUE(rig.ack({3}));  // from before a restart
  const auto commit = rig.commit();
  EXPECT_EQ(commit.progress.frontier, 3);
  EXPECT_EQ(commit.progress.backlog, 2U);
  EXPECT_THAT(gaps(commit), ElementsAre(1, 2));
}

TEST(LogCursor, APurgeTakesTheRowsOfWhatNobodyHasSeen) {
  Rig rig(definition(), two_gaps);
  rig.publish(5);
  ASSERT_TRUE(rig.ack({5}));
  rig.commit();
  ASSERT_THAT(rig.lease(1), ElementsAre(1));
  EXPECT_EQ(rig.purge(rig.head), 3U);
  rig.abort(rig.compose(rig.head), rig.now);
  EXPECT_EQ(rig.purge(rig.head), 3U);
  EXPECT_THAT(rig.commit().settled_rows, ElementsAre(2));
  EXPECT_EQ(rig.oldest_since(), start) << "one is in flight";
  rig.ack({1});
  EXPECT_THAT(rig.commit().settled_rows, ElementsAre(1));
  EXPECT_EQ(rig.oldest_since(), std::nullopt);
}

TEST(LogCursor, WhatIsSettledWhileItsRowIsWrittenLosesTheRowAfterwards) {
  Rig rig(definition(), two_gaps);
  rig.publish(4);
  rig.lease(4);
  rig.ack({4});
  const auto commit = rig.compose(rig.head);
  EXPECT_THAT(spilled(commit), ElementsAre(1));
  rig.ack({1});
  rig.finish(commit);
  const auto second = rig.commit();
  EXPECT_THAT(second.settled_rows, ElementsAre(1));
  EXPECT_THAT(gaps(second), ElementsAre(2, 3));
}

TEST(LogCursor, WhatCouldNotBeWrittenIsOutAgain) {
  Rig rig(definition(), two_gaps);
  rig.publish(4);
  rig.lease(4);
  rig.ack({2, 4});
  rig.abort(rig.compose(rig.head), rig.now);
  rig.ack({4});
  const auto commit = rig.commit();
  EXPECT_THAT(spilled(commit), ElementsAre(1));
  EXPECT_THAT(gaps(commit), ElementsAre(2, 3));
}

}  // namespace
}  // namespace eventbus::embedded
