#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eventbus/broker/embedded/queue_rig.hpp"

namespace eventbus::embedded {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

TEST(QueueSettlement, WritesWhenARetryFailedFirstAndLast) {
  auto queue = definition();
  queue.retry.max_retries = 2;
  Rig rig(queue);
  rig.publish(1);
  std::vector<OutstandingRow> written;
  for (std::uint32_t attempt = 1; attempt <= 2; ++attempt) {
    rig.now += seconds{10};
    rig.lease(1);
    EXPECT_TRUE(rig.state.nack(1, {.attempt = attempt, .delay = seconds{5}}, rig.now));
    written = rig.commit().rows;
    ASSERT_THAT(written, SizeIs(1));
    EXPECT_EQ(written[0].first_attempt_at, start + seconds{10});
    EXPECT_EQ(written[0].first_failed_at, start + seconds{10});
    EXPECT_EQ(written[0].last_failed_at, rig.now);
    rig.state.tick(rig.now + seconds{5});
  }
  QueueDecisions again(definition(), {}, 100, 1);
  again.restore({.frontier = 1}, written, rig.now);
  EXPECT_EQ(again.state.delayed(), 1U);
  again.state.tick(rig.now + seconds{5});
  ASSERT_THAT(again.state.lease(1, rig.now + seconds{5}), SizeIs(1));
  EXPECT_TRUE(again.state.nack(1, {.attempt = 3}, rig.now + seconds{6}));
  const auto dead = again.compose(1).dead_letters;
  ASSERT_THAT(dead, SizeIs(1));
  EXPECT_EQ(dead[0].first_failed_at, start + seconds{10});
  EXPECT_EQ(dead[0].last_failed_at, rig.now + seconds{6});
}

TEST(QueueSettlement, TakesBackWhatExpiredOrWasPurgedWhereverItWaits) {
  auto queue = definition();
  queue.ordered = true;
  Rig rig(queue);
  rig.publish(1, 5);
  rig.publish(4, 7);  // 3, 4 and 5 wait for 2
  EXPECT_THAT(rig.lease(9), ElementsAre(1, 2));
  rig.state.nack(1, {.attempt = 1, .delay = seconds{5}}, rig.now);
  rig.commit();
  rig.state.give_back(2, 1);
  for (int time = 0; time < 2; ++time) {
    EXPECT_EQ(rig.state.ready() + rig.state.delayed(), 5U);
    EXPECT_EQ(rig.purge(rig.head), 5U);
    EXPECT_THAT(rig.lease(9), IsEmpty());
    rig.abort(rig.compose(rig.head), rig.now);
  }
  EXPECT_EQ(rig.state.delayed(), 1U);
  EXPECT_THAT(rig.lease(9), ElementsAre(2));
  rig.ack({2});
  rig.commit();
  EXPECT_THAT(rig.lease(9), ElementsAre(3));
  rig.now += seconds{5};
  rig.state.tick(rig.now);
  EXPECT_THAT(rig.lease(9), ElementsAre(1));
}

TEST(QueueSettlement, APurgeOfABacklogThatIsNotCountedYetLeavesNothingOfIt) {
  QueueDecisions queue(definition(), {.window = 4, .idle_window = 4}, 100, 1);
  queue.restore({.frontier = 0, .counted_to = 2, .backlog = 2}, {}, start);
  queue.cursor.count(3, 5, 9);
  EXPECT_EQ(queue.state.ready(), 5U);
  EXPECT_EQ(queue.purge(9), 5U);
  const auto commit = queue.compose(9);
  EXPECT_EQ(commit.progress.frontier, 9);
  EXPECT_EQ(commit.progress.counted_to, 9);
  EXPECT_EQ(commit.progress.backlog, 0U);
  queue.finish(commit);
  EXPECT_EQ(queue.cursor.persisted_counted_to(), 9);
  EXPECT_EQ(queue.cursor.counted_to(9), 9);
  EXPECT_EQ(queue.state.ready(), 0U);
}

TEST(QueueSettlement, PurgesOnlyWhenThePurgeIsWritten) {
  Rig rig(definition(), {.window = 4, .idle_window = 4});
  rig.publish(9);
  rig.lease(2);
  EXPECT_EQ(rig.purge(rig.head), 7u);
  EXPECT_THAT(rig.lease(9), IsEmpty());
  rig.publish(1);
  rig.abort(rig.compose(rig.head), rig.now);
  EXPECT_EQ(rig.state.ready(), 8u);
  EXPECT_EQ(rig.purge(rig.head), 8u);
  rig.publish(1);
  const auto commit = rig.commit();
  EXPECT_EQ(commit.progress.frontier, 10);
  EXPECT_EQ(commit.progress.backlog, 1u);
  EXPECT_THAT(gaps(commit), ElementsAre(1, 2));
  EXPECT_EQ(rig.state.ready(), 1u);
}

TEST(QueueSettlement, APurgeTakesWhatAnOpenCommitGivesBack) {
  auto queue = definition();
  queue.message_ttl = seconds{10};
  Rig rig(queue);
  rig.publish(1);
  rig.state.tick(rig.now + seconds{10});
  const auto expiry = rig.compose(rig.head);
  rig.purge(rig.head);
  rig.abort(expiry, rig.now);
  const auto purged = rig.commit();
  EXPECT_THAT(purged.dead_letters, IsEmpty());
  EXPECT_THAT(gaps(purged), IsEmpty());
  EXPECT_EQ(rig.state.ready(), 0U);
  EXPECT_EQ(rig.state.outstanding(), 0U);
}

TEST(QueueSettlement, KeepsTheDelayOfARetryThatWaitsForItsKey) {
  auto queue = definition();
  queue.ordered = true;
  Rig rig(queue);
  rig.publish(2, 7);
  ASSERT_THAT(rig.lease(9), ElementsAre(1));
  rig.state.nack(2, {.attempt = 1, .delay = seconds{60}}, rig.now);  // from before a restart
  rig.commit();
  rig.ack({1});
  rig.commit();
  EXPECT_EQ(rig.state.delayed(), 1U);
  EXPECT_THAT(rig.lease(9), IsEmpty());
  rig.state.tick(rig.now + seconds{60});
  EXPECT_THAT(rig.lease(9), ElementsAre(2));
}

TEST(QueueSettlement, RefusesDamagedGaps) {
  EXPECT_THROW(decode_gaps("\xff"), std::runtime_error);
  EXPECT_THROW(decode_gaps(std::string(12, '\xff')), std::runtime_error);
}

TEST(QueueSettlement, KeepsWhatIsPublishedWhileAPurgeOfAQueueThatFollowsIsWritten) {
  Rig rig;
  rig.publish(3);
  EXPECT_EQ(rig.purge(rig.head), 3U);
  const auto commit = rig.compose(rig.head);
  rig.publish(2);
  EXPECT_THAT(rig.lease(9), IsEmpty());
  rig.finish(commit);
  EXPECT_EQ(rig.state.ready(), 2U);
  EXPECT_TRUE(rig.cursor.hungry());
  rig.cursor.absorb({{4, start, 0}, {5, start, 0}}, 5, rig.head);
  EXPECT_EQ(rig.state.ready(), 2U);
  EXPECT_THAT(rig.lease(9), ElementsAre(4, 5));
}

TEST(QueueSettlement, WritesGapsInOrderHoweverTheyCameToBeOpen) {
  Rig rig;
  rig.publish(6);
  // An acknowledgement from before a restart takes its event out of the middle, and can't be written.
  ASSERT_TRUE(rig.ack({4}));
  rig.abort(rig.compose(rig.head), rig.now);
  EXPECT_EQ(rig.state.ready(), 6U);
  EXPECT_THAT(rig.lease(2), ElementsAre(1, 2));
  ASSERT_TRUE(rig.ack({6}));
  const auto commit = rig.commit();
  EXPECT_EQ(commit.progress.frontier, 6);
  EXPECT_THAT(gaps(commit), ElementsAre(1, 2, 3, 4, 5));
  ASSERT_TRUE(rig.ack({1}));
  const auto next = rig.commit();
  EXPECT_THAT(gaps(next), ElementsAre(2, 3, 4, 5));
  QueueDecisions again(definition(), {}, 100, 1);
  again.restore(next.progress, {}, rig.now);
  EXPECT_EQ(again.state.ready(), 4U);
}

TEST(QueueSettlement, ReadsBackGapsOfAnySize) {
  std::vector<Routed> gaps;
  Position position = 0;
  for (const Position step : {1L, 127L, 128L, 129L, 16383L, 16384L, 1L << 40, 1L << 61}) {
    position += step;
    const auto large = static_cast<std::uint64_t>(step);
    for (const std::uint64_t key : {std::uint64_t{0}, large, ~std::uint64_t{0} - large, std::uint64_t{1} << 63U})
      gaps.push_back({position++, start - std::chrono::microseconds{step * (key == 0 ? 1 : -1)}, key});
  }
  EXPECT_EQ(decode_gaps(encode_gaps(gaps)), gaps);
}

TEST(QueueSettlement, LeavesOutWhatIsNoLongerInTheStore) {
  Rig rig;
  rig.publish(2);
  rig.lease(2);
  rig.state.drop(1);
  rig.state.drop(1);
  rig.state.drop(9);
  const auto commit = rig.commit();
  EXPECT_THAT(commit.settlings, SizeIs(1));
  EXPECT_THAT(commit.dead_letters, IsEmpty());
  EXPECT_EQ(rig.state.in_flight(), 1U);
}

TEST(QueueSettlement, KnowsOnlyWhatItHandedOutOrStillHas) {
  Rig rig;
  rig.publish(1);
  ++rig.head;  // another queue's
  rig.publish(1);
  EXPECT_FALSE(rig.ack({1}, 2)) << "never handed out a second time";
  EXPECT_FALSE(rig.ack({2})) << "not of this queue";
  EXPECT_FALSE(rig.ack({4}));
  EXPECT_FALSE(rig.state.extend(4, 1, rig.now + seconds{60}));
  EXPECT_FALSE(rig.state.give_back(4, 1));
  ASSERT_THAT(rig.lease(1), ElementsAre(1));
  EXPECT_FALSE(rig.state.extend(1, 2, rig.now + seconds{60}));
  EXPECT_FALSE(rig.state.give_back(1, 2));
  EXPECT_TRUE(rig.state.extend(1, 1, rig.now + seconds{60}));
  EXPECT_EQ(rig.state.leases(), 1U);
  EXPECT_EQ(rig.state.next_due(), rig.now + seconds{60});
  EXPECT_TRUE(rig.state.give_back(1, 1));
  EXPECT_EQ(rig.state.leases(), 0U);
  EXPECT_FALSE(rig.state.extend(1, 1, rig.now + seconds{60})) << "nobody has it";
  EXPECT_FALSE(rig.state.give_back(1, 1));
  rig.purge(rig.head);
  EXPECT_FALSE(rig.ack({3})) << "going away";
}

}  // namespace
}  // namespace eventbus::embedded
