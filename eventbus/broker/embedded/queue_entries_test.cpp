#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eventbus/broker/embedded/queue_rig.hpp"

/// What enters a queue again stands at its end.
namespace eventbus::embedded {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint64_t hot_key = 7;
const Failure rejected{.attempt = 1, .requeue = false, .delay = {}, .reason = {}};
const Failure delayed{.attempt = 1, .requeue = true, .delay = seconds{60}, .reason = {}};

QueueDefinition ordered() {
  auto queue = definition();
  queue.ordered = true;
  return queue;
}

/// All of them one after the other, each acknowledged.
std::vector<Position> one_by_one(Rig& rig) {
  std::vector<Position> all;
  for (auto leased = rig.state.lease(10, rig.now); !leased.empty(); leased = rig.state.lease(10, rig.now)) {
    for (const auto& one : leased) {
      all.push_back(one.event.position);
      EXPECT_TRUE(rig.state.ack(one.entry, one.attempt));
    }
    rig.commit();
  }
  return all;
}

/// The first event comes and goes, so that it may enter again.
void settle_one(Rig& rig) {
  rig.publish(1, hot_key);
  EXPECT_TRUE(rig.ack({1}));
  rig.commit();
}

TEST(QueueEntries, ComeBehindWhatWaitsOfTheirKey) {
  Rig rig(ordered());
  rig.publish(2, hot_key);
  for (const Position position : {1, 2}) {
    rig.lease(1);
    EXPECT_TRUE(rig.state.nack(position, rejected, rig.now));
    rig.commit();
  }
  rig.publish(2, hot_key);
  rig.enter_again({1, 2}, hot_key);
  rig.publish(1, hot_key);
  EXPECT_THAT(one_by_one(rig), ElementsAre(3, 4, 1, 2, 5));
}

TEST(QueueEntries, ComeBehindWhatWasInFlightBeforeARestart) {
  Rig rig(ordered());
  rig.publish(2, hot_key);
  EXPECT_THAT(rig.lease(10), ElementsAre(1));
  const auto rows = rig.enter_again({2}, hot_key);
  EXPECT_THAT(rig.lease(10), IsEmpty());
  const auto commit = rig.commit();
  Rig again(ordered());
  again.head = rig.head;
  again.restore(commit.progress, rows, rig.now);
  again.cursor.absorb({{1, start, hot_key}}, 2, 2);
  EXPECT_THAT(one_by_one(again), ElementsAre(1, 2));
}

TEST(QueueEntries, HoldBackTheirKeyWhenTheyAreTriedAgainAfterARestart) {
  Rig rig(ordered());
  settle_one(rig);
  const auto rows = rig.enter_again({1}, hot_key);
  rig.publish(1, hot_key);
  EXPECT_THAT(rig.lease(10), ElementsAre(1));
  Rig again(ordered());
  again.head = rig.head;
  again.restore(rig.commit().progress, rows, rig.now);
  again.cursor.absorb({{2, start, hot_key}}, 2, 2);
  EXPECT_TRUE(again.state.nack(rows[0].seat.entry, delayed, again.now)) << "by the delivery of before";
  again.commit();
  EXPECT_THAT(again.lease(10), IsEmpty());
  again.now += seconds{61};
  again.state.tick(again.now);
  EXPECT_THAT(again.lease(10), ElementsAre(1));
}

TEST(QueueEntries, KeepTheirOrderOverARestart) {
  Rig rig;
  rig.publish(3);
  EXPECT_TRUE(rig.ack({1, 2, 3}));
  rig.commit();
  auto rows = rig.enter_again({3, 2});
  Rig again;
  again.head = rig.head;
  again.restore(rig.commit().progress, rows, rig.now);
  again.cursor.absorb({}, 3, 3);
  again.last_entry = -10;
  again.enter_again({1});
  EXPECT_THAT(one_by_one(again), ElementsAre(3, 2, 1));
}

TEST(QueueEntries, WaitForWhatTheLogHasBeforeThem) {
  Rig rig(definition(), {.window = 2});
  rig.publish(4);
  const auto rows = rig.enter_again({9});
  rig.publish(1);
  EXPECT_THAT(rig.lease(10), ElementsAre(1, 2));
  EXPECT_FALSE(rig.state.deliverable()) << "3 and 4 are not at hand";
  rig.cursor.absorb({{3, start, 0}, {4, start, 0}}, 4, 5);
  EXPECT_THAT(rig.lease(10), ElementsAre(3, 4, 9));
  rig.cursor.absorb({{5, start, 0}}, 5, 5);
  EXPECT_THAT(rig.lease(10), ElementsAre(5));
}

TEST(QueueEntries, DoNotWaitInAFullQueue) {
  Rig rig(definition(), {}, 2);
  rig.publish(2);
  rig.enter_again({7, 8});
  EXPECT_THAT(rig.lease(10), ElementsAre(7, 8)) << "no other comes in";
  EXPECT_TRUE(rig.state.ack(-1, 1));
  rig.commit();
  EXPECT_THAT(rig.lease(10), ElementsAre(1));
}

TEST(QueueEntries, AreNotDroppedBeforeTheOldestThatTheLogStillHas) {
  auto queue = definition();
  queue.overflow = Overflow::drop_oldest;
  queue.max_length = 2;
  Rig rig(queue, {.window = 1});
  rig.publish(1);
  EXPECT_THAT(rig.lease(1), ElementsAre(1));
  rig.publish(2);
  EXPECT_EQ(rig.cursor.at_hand(), 1U);
  rig.enter_again({7, 8});
  rig.state.tick(rig.now);
  EXPECT_EQ(rig.state.length(), 3U) << "3 is to go, and not at hand";
  rig.cursor.absorb({{3, start, 0}}, 3, 3);
  rig.state.tick(rig.now);
  const auto commit = rig.commit();
  ASSERT_EQ(commit.dead_letters.size(), 2U);
  EXPECT_EQ(commit.dead_letters[0].position, 2);
  EXPECT_EQ(commit.dead_letters[1].position, 3);
  EXPECT_THAT(rig.lease(10), ElementsAre(7, 8));
}

TEST(QueueEntries, APurgeTakesThemWhereverTheyWait) {
  Rig rig(ordered());
  settle_one(rig);
  rig.enter_again({1, 1}, hot_key);
  EXPECT_THAT(rig.lease(10), ElementsAre(1));
  EXPECT_TRUE(rig.state.nack(-1, delayed, rig.now));
  rig.commit();
  EXPECT_THAT(rig.lease(10), IsEmpty()) << "the second waits for the first";
  rig.enter_again({1}, hot_key);
  EXPECT_EQ(rig.purge(rig.head), 3U);
  EXPECT_THAT(rig.commit().settled_rows, testing::UnorderedElementsAre(-1, -2, -3));
  EXPECT_EQ(rig.state.outstanding(), 0U);
  EXPECT_EQ(rig.state.entered_again(), 0U);
}

TEST(QueueEntries, AFullQueueDropsNoMoreThanItHolds) {
  for (const bool by_time : {false, true}) {
    auto queue = definition();
    queue.overflow = Overflow::drop_oldest;
    if (by_time) {
      queue.message_ttl = seconds{1};
    } else {
      queue.max_length = 1;
    }
    Rig rig(queue, {}, 3);
    rig.publish(10);
    rig.now += seconds{2};
    for (std::size_t dropped = 0; dropped < 9; dropped += 3) {
      rig.state.tick(rig.now);
      EXPECT_EQ(rig.state.outstanding(), 3U);
      EXPECT_EQ(rig.commit().dead_letters.size(), 3U);
    }
    EXPECT_EQ(rig.state.length(), 1U);
  }
}

TEST(QueueEntries, WhatCouldNotBeWrittenOfThemIsUndone) {
  Rig rig(ordered());
  settle_one(rig);
  rig.enter_again({1, 1}, hot_key);
  EXPECT_THAT(rig.lease(10), ElementsAre(1));
  EXPECT_TRUE(rig.state.ack(-1, 1));
  rig.abort(rig.compose(rig.head), rig.now);
  EXPECT_THAT(rig.lease(10), IsEmpty()) << "still in flight";
  EXPECT_TRUE(rig.state.ack(-1, 1));
  EXPECT_THAT(rig.commit().settled_rows, ElementsAre(-1));
  EXPECT_THAT(rig.lease(10), ElementsAre(1));
}

}  // namespace
}  // namespace eventbus::embedded
