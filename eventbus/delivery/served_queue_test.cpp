#include "eventbus/delivery/served_queue.hpp"

#include <gmock/gmock.h>

#include "eventbus/delivery/served_queue_under_test.hpp"

namespace eventbus::delivery {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

TEST_F(ServedQueueTest, SharesWhatComesAmongThoseWhoWait) {
  std::vector<std::future<Received>> waiting;
  waiting.reserve(3);
  for (int number = 0; number < 3; ++number) waiting.push_back(receive(10));
  poll();
  EXPECT_EQ(queue->info().consumers, 3u);
  come(7);
  EXPECT_THAT(positions(received(std::move(waiting[0]))), ElementsAre(1, 2, 3));
  EXPECT_THAT(positions(received(std::move(waiting[1]))), ElementsAre(4, 5));
  EXPECT_THAT(positions(received(std::move(waiting[2]))), ElementsAre(6, 7));
}

TEST_F(ServedQueueTest, WritesTogetherWhatIsAnsweredDuringAWrite) {
  come(5);
  const auto deliveries = take(5);
  lane->shut = true;
  auto first = ack({deliveries[0]});
  poll();
  EXPECT_EQ(lane->begun, 1);
  auto second = ack({deliveries[1], deliveries[2]});
  auto third = ack({deliveries[3], deliveries[4]});
  poll();
  EXPECT_FALSE(is_ready(first));
  lane->shut = false;
  lane->opened.notify_all();
  EXPECT_EQ(result_of(loop, std::move(third), "an answer").value().settled, 2u);
  EXPECT_TRUE(is_ready(first) && is_ready(second));
  EXPECT_THAT(lane->commits, ElementsAre(1, 4));
  EXPECT_EQ(queue->info().in_flight, 0u);
}

TEST_F(ServedQueueTest, WhatCouldNotBeWrittenIsStillInFlightAndMayBeAnsweredAgain) {
  come(2);
  const auto deliveries = take(2);
  lane->full = true;
  EXPECT_THROW(result_of(loop, ack(deliveries), "an answer").value(), Unavailable);
  EXPECT_EQ(queue->info().in_flight, 2u);
  lane->full = false;
  EXPECT_EQ(result_of(loop, ack(deliveries), "an answer").value().settled, 2u);
  EXPECT_EQ(result_of(loop, ack(deliveries), "an answer").value().unknown, ids(deliveries));
}

TEST_F(ServedQueueTest, KnowsOnlyItsOwnDeliveries) {
  come(1);
  const auto delivery = take(1).at(0);
  const std::vector<std::string> strange{encode({queue_id + 1, 1, 1, 0}), encode({queue_id, 1, 2, 0}),
                                         encode({queue_id, 1, 1, 5}), encode({queue_id, 2, 1, 0}), "nonsense"};
  auto answer = asio::co_spawn(loop, queue->ack(strange), asio::use_future);
  EXPECT_EQ(result_of(loop, std::move(answer), "an answer").value().unknown, strange);
  EXPECT_EQ(queue->extend({delivery.delivery_id}, seconds{60}).settled, 1u);
}

TEST_F(ServedQueueTest, GoesOnWithoutWhatIsNoLongerStored) {
  come(3);
  lane->gone = {2};
  EXPECT_THAT(positions(take(3)), ElementsAre(1, 3));
  queue->advance();
  poll();
  EXPECT_EQ(queue->info().in_flight, 2u);
  EXPECT_THAT(take(3), IsEmpty());
}

TEST_F(ServedQueueTest, GivesBackAtOnceWithoutCountingAnAttempt) {
  come(2);
  const auto deliveries = take(2);
  auto waiting = receive(5);
  poll();
  queue->give_back(ids(deliveries));
  const auto again = received(std::move(waiting));
  EXPECT_THAT(positions(again), ElementsAre(1, 2));
  EXPECT_EQ(again[0].attempt, 1u);
  EXPECT_EQ(again[0].delivery_id, deliveries[0].delivery_id);
}

TEST_F(ServedQueueTest, LeasesInPartsOnceTheBytesDidNotReach) {
  come(40);
  EXPECT_THAT(positions(take_for({.events = 40, .bytes = 3000})), ElementsAre(1, 2, 3));
  EXPECT_THAT(take_for({.events = 30, .bytes = 1U << 20U}), SizeIs(30)) << "as much as the credit pays for";
  EXPECT_THAT(lane->parts, ElementsAre(40, 3, 6, 12, 9));
  EXPECT_EQ(queue->info().in_flight, 33u);
}

TEST_F(ServedQueueTest, LeasesAtFirstAsManyAsTheLastCreditPaidFor) {
  come(40);
  EXPECT_THAT(take_for({.events = 40, .bytes = 3000}), SizeIs(3));
  const Credit credit{.events = 40, .bytes = 7000};
  const auto paid_for = take_for(credit).size();
  EXPECT_THAT(lane->parts, ElementsAre(40, 3, 6)) << "the second part was cut";
  lane->parts.clear();
  EXPECT_THAT(take_for(credit), SizeIs(paid_for));
  EXPECT_EQ(lane->parts.front(), paid_for);
  lane->parts.clear();
  EXPECT_THAT(take_for(credit), SizeIs(paid_for));
  EXPECT_EQ(lane->parts.front(), paid_for) << "also when nothing of the last part was paid for";
}

TEST_F(ServedQueueTest, WhoBeganToWaitBeforeGetsAsMuchAsTheCreditPaysFor) {
  come(5);
  EXPECT_THAT(take_for({.events = 5, .bytes = 1}), SizeIs(1));
  take(4);
  auto waiting = receive(20);
  poll();
  come(15);
  EXPECT_THAT(received(std::move(waiting)), SizeIs(15));
}

TEST_F(ServedQueueTest, WhatCouldNotBeReadIsReadyAgain) {
  come(5);
  lane->unreadable = 1;
  EXPECT_THROW(take(5), Unavailable);
  EXPECT_EQ(queue->info().in_flight, 0u);
  lane->unreadable.reset();
  EXPECT_THAT(take_for({.events = 5, .bytes = 1}), SizeIs(1));
  lane->unreadable = lane->parts.size() + 2;
  EXPECT_THAT(take(4), SizeIs(1)) << "the first part, which was read";
  EXPECT_EQ(queue->info().in_flight, 2u);
  EXPECT_EQ(queue->info().ready, 3u);
}

TEST_F(ServedQueueTest, WhatIsBeingWrittenWhenTheQueueGoesIsAnswered) {
  come(2);
  const auto deliveries = take(2);
  lane->shut = true;
  auto first = ack({deliveries[0]});
  auto second = ack({deliveries[1]});
  poll();
  queue->close();
  lane->shut = false;
  lane->opened.notify_all();
  EXPECT_EQ(result_of(loop, std::move(first), "an answer").value().settled, 1u);
  EXPECT_EQ(result_of(loop, std::move(second), "an answer").value().settled, 1u);
}

TEST_F(ServedQueueTest, RestsFromAWriteThatFailedInTheBackground) {
  come(1);
  take(1);
  lane->full = true;
  now += definition().lease;
  queue->tick();
  poll();
  EXPECT_EQ(lane->begun, 1);
  EXPECT_EQ(lane->last_wake(), now + rest_after_failure);
  queue->tick();
  come(1);
  EXPECT_THAT(take(1), SizeIs(1));
  poll();
  EXPECT_EQ(lane->begun, 1) << "it rests";
  lane->full = false;
  now += rest_after_failure;
  queue->tick();
  poll();
  EXPECT_EQ(take(1).at(0).attempt, 2u);
}

TEST_F(ServedQueueTest, WritesAgainAfterTheRestThoughALaterLeaseIsRunning) {
  come(1);
  take(1);
  now += seconds{20};
  come(1);
  take(1);
  lane->full = true;
  now += definition().lease - seconds{20};
  queue->tick();
  poll();
  EXPECT_EQ(lane->begun, 1);
  EXPECT_EQ(lane->last_wake(), now + rest_after_failure);
}

TEST_F(ServedQueueTest, FailsALeaseThatEnds) {
  come(1);
  EXPECT_THAT(take(1), SizeIs(1));
  now += definition().lease;
  queue->tick();
  poll();
  EXPECT_EQ(take(1).at(0).attempt, 2u);
}

TEST_F(ServedQueueTest, DeliversNothingWhilePaused) {
  queue->set_paused(true);
  come(1);
  EXPECT_THAT(take(1), IsEmpty());
  auto waiting = receive(1);
  poll();
  queue->set_paused(false);
  queue->advance();
  EXPECT_THAT(received(std::move(waiting)), SizeIs(1));
}

TEST_F(ServedQueueTest, WhoWaitsLearnsThatTheQueueIsGone) {
  auto waiting = receive(1);
  poll();
  queue->close();
  EXPECT_EQ(result_of(loop, std::move(waiting), "an answer").error().code, ErrorCode::unknown_queue);
}

}  // namespace
}  // namespace eventbus::delivery
