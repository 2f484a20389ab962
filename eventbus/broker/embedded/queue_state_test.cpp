#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eventbus/broker/embedded/queue_rig.hpp"

namespace eventbus::embedded {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

TEST(QueueState, MovesTheFrontierAloneForAcknowledgementsInOrder) {
  Rig rig;
  rig.publish(10);
  EXPECT_THAT(rig.lease(4), ElementsAre(1, 2, 3, 4));
  EXPECT_TRUE(rig.ack({1, 2, 3, 4}));
  const auto commit = rig.commit();
  EXPECT_EQ(commit.progress.frontier, 4);
  EXPECT_EQ(commit.progress.counted_to, 10);
  EXPECT_EQ(commit.progress.backlog, 6u);
  EXPECT_THAT(gaps(commit), IsEmpty());
  EXPECT_THAT(commit.rows, IsEmpty());
  EXPECT_THAT(commit.settled_rows, IsEmpty());
}

TEST(QueueState, ReachesTheHeadWhenNothingIsOpenBelowIt) {
  Rig rig;
  rig.publish(2);
  rig.lease(2);
  rig.ack({1, 2});
  rig.head = 50;  // forty-eight events of others
  EXPECT_EQ(rig.commit().progress.frontier, 50);
}

TEST(QueueState, KeepsWhatWasOvertakenAsGaps) {
  Rig rig;
  rig.publish(6);
  rig.lease(6);
  rig.ack({2, 5});
  EXPECT_THAT(gaps(rig.commit()), ElementsAre(1, 3, 4));
  rig.ack({1, 3, 4});
  const auto second = rig.commit();
  EXPECT_EQ(second.progress.frontier, 5);
  EXPECT_EQ(second.progress.backlog, 1u);
  EXPECT_THAT(gaps(second), IsEmpty());
}

TEST(QueueState, WritesRetriesAsRowsAndDeadLettersAtTheEnd) {
  Rig rig;
  rig.publish(1);
  rig.lease(1);
  EXPECT_TRUE(rig.state.nack(1, {.attempt = 1, .delay = seconds{5}}, rig.now));
  const auto retried = rig.commit();
  ASSERT_THAT(retried.rows, SizeIs(1));
  EXPECT_EQ(retried.rows[0].attempt, 2u);
  EXPECT_EQ(retried.rows[0].due, rig.now + seconds{5});
  EXPECT_EQ(rig.state.delayed(), 1u);
  EXPECT_EQ(rig.state.next_due(), rig.now + seconds{5});
  EXPECT_THAT(rig.lease(1), IsEmpty());
  rig.now += seconds{5};
  rig.state.tick(rig.now);
  EXPECT_THAT(rig.lease(1), ElementsAre(1));
  EXPECT_FALSE(rig.state.nack(1, {.attempt = 1}, rig.now));
  EXPECT_TRUE(rig.state.nack(1, {.attempt = 2}, rig.now));
  const auto dead = rig.commit();
  ASSERT_THAT(dead.dead_letters, SizeIs(1));
  EXPECT_EQ(dead.dead_letters[0].reason, "max_retries");
  EXPECT_EQ(dead.dead_letters[0].attempts, 2u);
  EXPECT_EQ(dead.dead_letters[0].first_failed_at, start);
  EXPECT_EQ(dead.dead_letters[0].last_failed_at, start + seconds{5});
  EXPECT_THAT(dead.settled_rows, ElementsAre(1));
  EXPECT_EQ(rig.state.outstanding(), 0u);
}

TEST(QueueState, TakesBackWhatCouldNotBeWritten) {
  Rig rig;
  rig.publish(3);
  rig.lease(3);
  rig.ack({1});
  rig.state.nack(2, {.attempt = 1, .requeue = false}, rig.now);
  EXPECT_FALSE(rig.ack({1}));
  rig.abort(rig.compose(rig.head), rig.now);
  EXPECT_EQ(rig.state.in_flight(), 3u);
  EXPECT_TRUE(rig.ack({1, 2, 3}));
  EXPECT_EQ(rig.commit().progress.frontier, 3);
  EXPECT_EQ(rig.state.in_flight(), 0u);
}

TEST(QueueState, EndsTheLeaseOfWhatCouldNotBeWritten) {
  Rig rig;
  rig.publish(1);
  rig.lease(1);
  rig.ack({1});
  rig.abort(rig.compose(rig.head), rig.now);
  rig.now += seconds{30};
  rig.state.tick(rig.now);
  EXPECT_EQ(rig.commit().rows.at(0).attempt, 2u);
}

TEST(QueueState, CountsWhatTheWindowCannotHoldAndFillsItLater) {
  Rig rig(definition(), {.window = 4, .idle_window = 4});
  rig.publish(10);
  EXPECT_EQ(rig.state.ready(), 10u);
  EXPECT_FALSE(rig.cursor.following());
  EXPECT_EQ(rig.cursor.frontier(rig.head), 4);
  EXPECT_THAT(rig.lease(100), ElementsAre(1, 2, 3, 4));
  EXPECT_TRUE(rig.cursor.hungry());
  rig.cursor.absorb({{5, start, 0}, {6, start, 0}, {8, start, 0}, {9, start, 0}}, 9, rig.head);
  EXPECT_EQ(rig.state.ready(), 6u);
  EXPECT_THAT(rig.lease(100), ElementsAre(5, 6, 8, 9));
  rig.cursor.absorb({{10, start, 0}}, 10, rig.head);
  EXPECT_TRUE(rig.cursor.following());
  EXPECT_EQ(rig.state.ready(), 1u);
}

TEST(QueueState, HandsOutNothingNewWhileTooMuchIsOutstanding) {
  Rig rig(definition(), {}, 2);
  rig.publish(5);
  EXPECT_THAT(rig.lease(5), ElementsAre(1, 2));
  EXPECT_TRUE(rig.state.give_back(1, 1));
  EXPECT_THAT(rig.lease(5), ElementsAre(1));
  rig.ack({2});
  rig.commit();
  EXPECT_THAT(rig.lease(5), ElementsAre(3));
}

TEST(QueueState, RestoresWhatItWrote) {
  Rig rig;
  rig.publish(8);
  rig.lease(6);
  rig.state.nack(2, {.attempt = 1, .delay = seconds{9}}, rig.now);
  rig.ack({5});
  const auto commit = rig.commit();
  QueueDecisions again(definition(), {}, 100, 1);
  const auto read_back = decode_gaps(encode_gaps(commit.progress.gaps));
  EXPECT_EQ(read_back, commit.progress.gaps);
  again.restore(commit.progress, commit.rows, rig.now);
  EXPECT_EQ(again.state.ready(), 6u);
  EXPECT_EQ(again.state.delayed(), 1u);
  EXPECT_EQ(again.cursor.frontier(8), 5);
  std::vector<Position> leased;
  for (const auto& one : again.state.lease(10, rig.now)) leased.push_back(one.event.position);
  EXPECT_THAT(leased, ElementsAre(1, 3, 4));
}

TEST(QueueState, ParksLaterEventsOfAKeyUntilTheEarlierIsDone) {
  auto queue = definition();
  queue.ordered = true;
  Rig rig(queue);
  rig.publish(2, 7);
  rig.publish(1, 9);
  rig.publish(1, 0);
  EXPECT_THAT(rig.lease(9), ElementsAre(1, 3, 4));
  EXPECT_EQ(rig.state.ready(), 1u);
  rig.state.nack(1, {.attempt = 1, .delay = seconds{1}}, rig.now);
  rig.commit();
  EXPECT_THAT(rig.lease(9), IsEmpty());
  rig.state.tick(rig.now + seconds{1});
  EXPECT_THAT(rig.lease(9), ElementsAre(1));
  rig.ack({1}, 2);
  EXPECT_THAT(rig.lease(9), IsEmpty());
  rig.commit();
  EXPECT_THAT(rig.lease(9), ElementsAre(2));
}

TEST(QueueState, AClockThatWasSetBackBeforeARestartDoesNotStretchARetry) {
  auto retrying = definition();
  retrying.retry.max_retries = 5;
  Rig rig(retrying);
  rig.publish(1);
  for (std::uint32_t attempt = 1; attempt <= 2; ++attempt) {
    ASSERT_THAT(rig.lease(1), ElementsAre(1));
    ASSERT_TRUE(rig.state.nack(1, {.attempt = attempt, .delay = seconds{2}}, rig.now));
    const auto commit = rig.commit();
    for (const auto step : {seconds{-3600}, seconds{0}, seconds{1}}) {
      QueueDecisions again(retrying, {}, 100, 1);
      again.restore(commit.progress, commit.rows, rig.now + step);
      EXPECT_EQ(again.state.next_due(), std::min(rig.now + step, rig.now) + seconds{2});
    }
    rig.now += seconds{2};
    rig.state.tick(rig.now);
  }
}

}  // namespace
}  // namespace eventbus::embedded
