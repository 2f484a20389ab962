#include "eventbus/broker/embedded/queue_state.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace eventbus::embedded {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr Timestamp start{seconds{1'000'000}};

QueueDefinition definition() {
  QueueDefinition queue;
  queue.name = "q";
  queue.lease = seconds{30};
  queue.retry = {.max_retries = 1, .delay = milliseconds{0}, .backoff = 2, .max_delay = milliseconds{0}};
  return queue;
}

/// A queue that follows the log, with the head and the time at hand.
struct Rig {
  explicit Rig(const QueueDefinition& queue = definition(), QueueLimits limits = {}) : state(queue, limits, 1) {
    state.absorb({}, 0, 0);
    state.widen();
  }
  void publish(int count, std::uint64_t key = 0) {
    for (; count > 0; --count) state.take({++head, start, key});
  }
  std::vector<Position> lease(std::size_t max) {
    std::vector<Position> positions;
    for (const auto& leased : state.lease(max, now)) positions.push_back(leased.event.position);
    return positions;
  }
  bool ack(std::initializer_list<Position> positions, std::uint32_t attempt = 1) {
    bool all = true;
    for (const auto position : positions) all = state.ack(position, attempt) && all;
    return all;
  }
  QueueCommit commit() {
    auto commit = state.compose(head);
    state.finish(commit);
    return commit;
  }

  QueueState state;
  Position head = 0;
  Timestamp now = start;
};

std::vector<Position> gaps(const QueueCommit& commit) {
  std::vector<Position> positions;
  positions.reserve(commit.progress.gaps.size());
  for (const auto& gap : commit.progress.gaps) positions.push_back(gap.position);
  return positions;
}

std::vector<Position> rows(const QueueCommit& commit) {
  std::vector<Position> positions;
  positions.reserve(commit.rows.size());
  for (const auto& row : commit.rows) positions.push_back(row.event.position);
  return positions;
}

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

TEST(QueueState, GivesTheOldestOfTooManyGapsRows) {
  Rig rig(definition(), {.gaps = 2});
  rig.publish(6);
  rig.lease(6);
  rig.ack({6});
  const auto commit = rig.commit();
  EXPECT_THAT(rows(commit), ElementsAre(1, 2, 3));
  EXPECT_THAT(gaps(commit), ElementsAre(4, 5));
  rig.ack({2, 4});
  const auto second = rig.commit();
  EXPECT_THAT(second.settled_rows, ElementsAre(2));
  EXPECT_THAT(gaps(second), ElementsAre(5));
  EXPECT_THAT(second.rows, IsEmpty());
}

TEST(QueueState, WritesRetriesAsRowsAndDeadLettersAtTheEnd) {
  Rig rig;
  rig.publish(1);
  rig.lease(1);
  EXPECT_TRUE(rig.state.nack(1, 1, true, seconds{5}, "", rig.now));
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
  EXPECT_FALSE(rig.state.nack(1, 1, true, {}, "", rig.now));
  EXPECT_TRUE(rig.state.nack(1, 2, true, {}, "", rig.now));
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
  rig.state.nack(2, 1, false, {}, "", rig.now);
  EXPECT_FALSE(rig.ack({1}));
  rig.state.abort(rig.state.compose(rig.head), rig.now);
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
  rig.state.abort(rig.state.compose(rig.head), rig.now);
  rig.now += seconds{30};
  rig.state.tick(rig.now);
  EXPECT_EQ(rig.commit().rows.at(0).attempt, 2u);
}

TEST(QueueState, WritesWhenARetryFailedFirstAndLast) {
  auto queue = definition();
  queue.retry.max_retries = 2;
  Rig rig(queue);
  rig.publish(1);
  std::vector<OutstandingRow> written;
  for (std::uint32_t attempt = 1; attempt <= 2; ++attempt) {
    rig.now += seconds{10};
    rig.lease(1);
    EXPECT_TRUE(rig.state.nack(1, attempt, true, seconds{5}, "", rig.now));
    written = rig.commit().rows;
    ASSERT_THAT(written, SizeIs(1));
    EXPECT_EQ(written[0].first_attempt_at, start + seconds{10});
    EXPECT_EQ(written[0].first_failed_at, start + seconds{10});
    EXPECT_EQ(written[0].last_failed_at, rig.now);
    rig.state.tick(rig.now + seconds{5});
  }
  QueueState again(definition(), {}, 1);
  again.restore({.frontier = 1}, written, rig.now);
  EXPECT_EQ(again.delayed(), 1U);
  again.tick(rig.now + seconds{5});
  ASSERT_THAT(again.lease(1, rig.now + seconds{5}), SizeIs(1));
  EXPECT_TRUE(again.nack(1, 3, true, {}, "", rig.now + seconds{6}));
  const auto dead = again.compose(1).dead_letters;
  ASSERT_THAT(dead, SizeIs(1));
  EXPECT_EQ(dead[0].first_failed_at, start + seconds{10});
  EXPECT_EQ(dead[0].last_failed_at, rig.now + seconds{6});
}

TEST(QueueState, TakesBackWhatExpiredOrWasPurgedWhereverItWaits) {
  auto queue = definition();
  queue.ordered = true;
  Rig rig(queue);
  rig.publish(1, 5);
  rig.publish(4, 7);  // 3, 4 and 5 wait for 2
  EXPECT_THAT(rig.lease(9), ElementsAre(1, 2));
  rig.state.nack(1, 1, true, seconds{5}, "", rig.now);
  rig.commit();
  rig.state.give_back(2, 1);
  for (int time = 0; time < 2; ++time) {
    EXPECT_EQ(rig.state.ready() + rig.state.delayed(), 5U);
    EXPECT_EQ(rig.state.purge(rig.head), 5U);
    EXPECT_THAT(rig.lease(9), IsEmpty());
    rig.state.abort(rig.state.compose(rig.head), rig.now);
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

TEST(QueueState, APurgeOfABacklogThatIsNotCountedYetLeavesNothingOfIt) {
  QueueState state(definition(), {.window = 4, .idle_window = 4}, 1);
  state.restore({.frontier = 0, .counted_to = 2, .backlog = 2}, {}, start);
  state.count(3, 5, 9);
  EXPECT_EQ(state.ready(), 5U);
  EXPECT_EQ(state.purge(9), 5U);
  const auto commit = state.compose(9);
  EXPECT_EQ(commit.progress.frontier, 9);
  EXPECT_EQ(commit.progress.counted_to, 9);
  EXPECT_EQ(commit.progress.backlog, 0U);
  state.finish(commit);
  EXPECT_EQ(state.persisted_counted_to(), 9);
  EXPECT_EQ(state.counted_to(9), 9);
  EXPECT_EQ(state.ready(), 0U);
}

TEST(QueueState, CountsWhatTheWindowCannotHoldAndFillsItLater) {
  Rig rig(definition(), {.window = 4, .idle_window = 4});
  rig.publish(10);
  EXPECT_EQ(rig.state.ready(), 10u);
  EXPECT_FALSE(rig.state.following());
  EXPECT_EQ(rig.state.frontier(rig.head), 4);
  EXPECT_THAT(rig.lease(100), ElementsAre(1, 2, 3, 4));
  EXPECT_TRUE(rig.state.hungry());
  rig.state.absorb({{5, start, 0}, {6, start, 0}, {8, start, 0}, {9, start, 0}}, 9, rig.head);
  EXPECT_EQ(rig.state.ready(), 6u);
  EXPECT_THAT(rig.lease(100), ElementsAre(5, 6, 8, 9));
  rig.state.absorb({{10, start, 0}}, 10, rig.head);
  EXPECT_TRUE(rig.state.following());
  EXPECT_EQ(rig.state.ready(), 1u);
}

TEST(QueueState, HandsOutNothingNewWhileTooMuchIsOutstanding) {
  Rig rig(definition(), {.outstanding = 2});
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
  rig.state.nack(2, 1, true, seconds{9}, "", rig.now);
  rig.ack({5});
  const auto commit = rig.commit();
  QueueState again(definition(), {}, 1);
  const auto read_back = decode_gaps(encode_gaps(commit.progress.gaps));
  EXPECT_EQ(read_back, commit.progress.gaps);
  again.restore(commit.progress, commit.rows, rig.now);
  EXPECT_EQ(again.ready(), 6u);
  EXPECT_EQ(again.delayed(), 1u);
  EXPECT_EQ(again.frontier(8), 5);
  std::vector<Position> leased;
  for (const auto& one : again.lease(10, rig.now)) leased.push_back(one.event.position);
  EXPECT_THAT(leased, ElementsAre(1, 3, 4));
}

TEST(QueueState, PurgesOnlyWhenThePurgeIsWritten) {
  Rig rig(definition(), {.window = 4, .idle_window = 4});
  rig.publish(9);
  rig.lease(2);
  EXPECT_EQ(rig.state.purge(rig.head), 7u);
  EXPECT_THAT(rig.lease(9), IsEmpty());
  rig.publish(1);
  rig.state.abort(rig.state.compose(rig.head), rig.now);
  EXPECT_EQ(rig.state.ready(), 8u);
  EXPECT_EQ(rig.state.purge(rig.head), 8u);
  rig.publish(1);
  const auto commit = rig.commit();
  EXPECT_EQ(commit.progress.frontier, 10);
  EXPECT_EQ(commit.progress.backlog, 1u);
  EXPECT_THAT(gaps(commit), ElementsAre(1, 2));
  EXPECT_EQ(rig.state.ready(), 1u);
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
  rig.state.nack(1, 1, true, seconds{1}, "", rig.now);
  rig.commit();
  EXPECT_THAT(rig.lease(9), IsEmpty());
  rig.state.tick(rig.now + seconds{1});
  EXPECT_THAT(rig.lease(9), ElementsAre(1));
  rig.ack({1}, 2);
  EXPECT_THAT(rig.lease(9), IsEmpty());
  rig.commit();
  EXPECT_THAT(rig.lease(9), ElementsAre(2));
}

TEST(QueueState, ExpiresAndDropsInTheOrderOfStoring) {
  auto queue = definition();
  queue.message_ttl = seconds{10};
  queue.max_length = 3;
  queue.overflow = Overflow::drop_oldest;
  Rig rig(queue);
  rig.publish(5);
  rig.state.tick(rig.now);
  const auto dropped = rig.commit();
  ASSERT_THAT(dropped.dead_letters, SizeIs(2));
  EXPECT_EQ(dropped.dead_letters[1].reason, "max_length");
  EXPECT_EQ(rig.state.next_due(), start + seconds{10});
  rig.now += seconds{10};
  EXPECT_THAT(rig.lease(9), IsEmpty());
  const auto expired = rig.commit();
  ASSERT_THAT(expired.dead_letters, SizeIs(3));
  EXPECT_EQ(expired.dead_letters[0].position, 3);
  EXPECT_EQ(expired.dead_letters[0].reason, "expired");
}

TEST(QueueState, RefusesDamagedGaps) {
  EXPECT_THROW(decode_gaps("\xff"), std::runtime_error);
  EXPECT_THROW(decode_gaps(std::string(12, '\xff')), std::runtime_error);
}

TEST(QueueState, AClockThatWasSetBackBeforeARestartDoesNotStretchARetry) {
  auto retrying = definition();
  retrying.retry.max_retries = 5;
  Rig rig(retrying);
  rig.publish(1);
  for (std::uint32_t attempt = 1; attempt <= 2; ++attempt) {
    ASSERT_THAT(rig.lease(1), ElementsAre(1));
    ASSERT_TRUE(rig.state.nack(1, attempt, true, seconds{2}, "", rig.now));
    const auto commit = rig.commit();
    for (const auto step : {seconds{-3600}, seconds{0}, seconds{1}}) {
      QueueState again(retrying, {}, 1);
      again.restore(commit.progress, commit.rows, rig.now + step);
      EXPECT_EQ(again.next_due(), std::min(rig.now + step, rig.now) + seconds{2});
    }
    rig.now += seconds{2};
    rig.state.tick(rig.now);
  }
}

}  // namespace
}  // namespace eventbus::embedded
