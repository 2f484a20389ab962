#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eventbus/broker/embedded/queue_rig.hpp"

namespace eventbus::embedded {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

QueueDefinition dropping_the_second() {
  auto queue = definition();
  queue.max_length = 1;
  queue.overflow = Overflow::drop_oldest;
  return queue;
}

TEST(QueueTime, ExpiresAndDropsInTheOrderOfStoring) {
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

TEST(QueueTime, TellsEndedLeasesFromOtherFailures) {
  Rig rig;
  rig.publish(2);
  rig.lease(1);
  rig.now += seconds{30};
  rig.lease(1);
  rig.state.nack(2, {.attempt = 1, .delay = seconds{5}}, rig.now);
  rig.state.tick(rig.now);
  const auto commit = rig.commit();
  ASSERT_THAT(commit.settlings, SizeIs(2));
  EXPECT_FALSE(commit.settlings[0].lease_ended);
  EXPECT_TRUE(commit.settlings[1].lease_ended);
}

TEST(QueueTime, ExpiresWhatWasGivenBackAtItsTime) {
  auto queue = definition();
  queue.message_ttl = seconds{10};
  Rig rig(queue);
  rig.publish(1);
  rig.cursor.take({++rig.head, start + seconds{5}, 0});
  rig.lease(2);
  rig.state.give_back(1, 1);
  rig.state.give_back(2, 1);
  EXPECT_EQ(rig.state.next_due(), start + seconds{10});
  rig.state.tick(start + seconds{9});
  EXPECT_EQ(rig.state.ready(), 2U);
  rig.state.tick(start + seconds{10});
  const auto commit = rig.commit();
  ASSERT_THAT(commit.dead_letters, SizeIs(1));
  EXPECT_EQ(commit.dead_letters[0].position, 1);
  EXPECT_EQ(rig.state.next_due(), start + seconds{15});
}

TEST(QueueTime, LeavesAloneWhatIsBeingPurged) {
  auto queue = definition();
  queue.message_ttl = seconds{10};
  queue.max_length = 1;
  queue.overflow = Overflow::drop_oldest;
  Rig rig(queue);
  rig.publish(3);
  rig.purge(rig.head);
  EXPECT_EQ(rig.state.next_due(), std::nullopt);
  rig.state.tick(rig.now + seconds{10});
  EXPECT_THAT(rig.compose(rig.head).settlings, IsEmpty());
}

TEST(QueueTime, DropsOnlyWhereTheQueueSaysSo) {
  auto queue = definition();
  queue.max_length = 1;
  queue.overflow = Overflow::reject;
  Rig rig(queue);
  rig.publish(3);
  rig.state.tick(rig.now);
  EXPECT_FALSE(rig.state.pending());
}

TEST(QueueTime, DropsTheOldestWhereverItWaits) {
  auto queue = dropping_the_second();
  queue.ordered = true;
  const auto dropped = [](Rig& rig) {
    rig.state.tick(rig.now);
    std::vector<Position> positions;
    for (const auto& letter : rig.commit().dead_letters) positions.push_back(letter.position);
    return positions;
  };
  Rig given_back(queue);
  given_back.publish(1);
  given_back.lease(1);
  given_back.state.give_back(1, 1);
  given_back.publish(1);
  EXPECT_THAT(dropped(given_back), ElementsAre(1));
  EXPECT_THAT(given_back.lease(9), ElementsAre(2));

  Rig behind(queue);
  behind.publish(2);
  behind.ack({2});  // from before a restart; can't be written
  behind.abort(behind.compose(behind.head), behind.now);
  EXPECT_THAT(dropped(behind), ElementsAre(1));
  EXPECT_THAT(behind.lease(9), ElementsAre(2));

  Rig parked(queue);
  parked.publish(4, 7);
  EXPECT_THAT(parked.lease(9), ElementsAre(1));
  EXPECT_THAT(dropped(parked), ElementsAre(2, 3));
  parked.ack({1});
  parked.commit();
  EXPECT_THAT(parked.lease(9), ElementsAre(4));
}

TEST(QueueTime, KeepsTheOrderOfAKeyWhenADropCouldNotBeWritten) {
  auto queue = dropping_the_second();
  queue.ordered = true;
  Rig rig(queue);
  rig.publish(1, 7);
  ASSERT_THAT(rig.lease(1), ElementsAre(1));
  rig.publish(2, 7);
  rig.state.tick(rig.now);
  rig.abort(rig.compose(rig.head), rig.now);
  EXPECT_THAT(rig.lease(9), IsEmpty()) << "the first of the key is in flight";
  rig.ack({1});
  rig.commit();
  EXPECT_THAT(rig.lease(9), ElementsAre(2));
}

TEST(QueueTime, WhatCouldNotBeDroppedKeepsItsPlaceInTheLineOfItsKey) {
  auto queue = dropping_the_second();
  queue.ordered = true;
  Rig rig(queue);
  rig.publish(1, 7);
  ASSERT_THAT(rig.lease(1), ElementsAre(1));
  rig.ack({1});
  const auto first = rig.compose(rig.head);
  rig.publish(2, 7);
  rig.state.tick(rig.now);  // drops 2, which waits for 1
  rig.finish(first);
  EXPECT_THAT(rig.lease(9), IsEmpty()) << "2 may come back";
  rig.abort(rig.compose(rig.head), rig.now);
  EXPECT_THAT(rig.lease(1), ElementsAre(2));
  rig.ack({2});
  rig.commit();
  EXPECT_THAT(rig.lease(1), ElementsAre(3));
}

TEST(QueueTime, CountsDelayedEventsAgainstTheLength) {
  const auto queue = dropping_the_second();
  Rig rig(queue);
  rig.publish(1);
  rig.lease(1);
  rig.state.nack(1, {.attempt = 1, .delay = seconds{60}}, rig.now);
  rig.commit();
  rig.publish(1);
  EXPECT_EQ(rig.state.length(), 2U);
  rig.state.tick(rig.now);
  const auto dropped = rig.commit().dead_letters;
  ASSERT_THAT(dropped, SizeIs(1));
  EXPECT_EQ(dropped[0].position, 1) << "the oldest, though it waits for its retry";
  EXPECT_EQ(dropped[0].attempts, 1U) << "that was made";
  EXPECT_EQ(rig.state.length(), 1U);
  EXPECT_THAT(rig.lease(9), ElementsAre(2));
}

TEST(QueueTime, CountsOnlyAttemptsThatWereMade) {
  auto queue = definition();
  queue.message_ttl = seconds{10};
  Rig rig(queue);
  rig.publish(2);
  rig.lease(1);
  rig.state.nack(1, {.attempt = 1, .requeue = false}, rig.now);
  rig.state.tick(rig.now + seconds{10});
  const auto dead = rig.commit().dead_letters;
  ASSERT_THAT(dead, SizeIs(2));
  EXPECT_EQ(dead[0].attempts, 1U);
  EXPECT_EQ(dead[1].attempts, 0U);
}

TEST(QueueTime, TellsTheAgeOfTheOldestWhateverWaits) {
  Rig rig;
  for (int second = 1; second <= 3; ++second) rig.cursor.take({++rig.head, start + seconds{second}, 0});
  EXPECT_EQ(rig.oldest_since(), start + seconds{1});
  rig.lease(3);
  rig.state.nack(1, {.attempt = 1, .delay = seconds{60}}, rig.now);
  rig.ack({2});
  rig.commit();
  EXPECT_EQ(rig.oldest_since(), start + seconds{1}) << "its retry counts";
  rig.now += seconds{60};
  rig.state.tick(rig.now);
  rig.lease(1);
  rig.ack({1}, 2);
  rig.commit();
  EXPECT_EQ(rig.oldest_since(), start + seconds{3});
}

}  // namespace
}  // namespace eventbus::embedded
