#include <gmock/gmock.h>

#include "eventbus/delivery/served_queue_under_test.hpp"

/// What a queue asks of its lane.
namespace eventbus::delivery {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

class ServedQueueLane : public ServedQueueTest {};

TEST_F(ServedQueueLane, ServesAllThatTheLaneBrings) {
  auto first = receive(1);
  auto second = receive(1);
  auto third = receive(1);
  poll();
  for (int number = 0; number < 3; ++number) store(1);
  queue->advance();
  poll();
  ASSERT_TRUE(is_ready(first) && is_ready(second) && is_ready(third));
  EXPECT_THAT(positions(received(std::move(first))), ElementsAre(1));
  EXPECT_THAT(positions(received(std::move(second))), ElementsAre(2));
  EXPECT_THAT(positions(received(std::move(third))), ElementsAre(3));
}

TEST_F(ServedQueueLane, AReceiveGetsWhatTheLaneBringsAtOnce) {
  store(1);
  EXPECT_THAT(positions(take(1)), ElementsAre(1));
  come(1);
  store(2);
  EXPECT_THAT(positions(take(10)), ElementsAre(2, 3, 4)) << "after what was at hand";
  EXPECT_EQ(queue->info().in_flight, 4u);
}

TEST_F(ServedQueueLane, AReceiveLooksPastWhatWaitsForItsKey) {
  auto ordered = definition();
  ordered.ordered = true;
  queue = make(ordered);
  for (const std::uint64_t key : {7, 7, 7, 8}) store(1, key);
  EXPECT_THAT(positions(take(1)), ElementsAre(1));
  EXPECT_THAT(positions(take(1)), ElementsAre(4));
}

TEST_F(ServedQueueLane, DropsWhatIsTooMuchWithWhatTheLaneBrings) {
  auto short_queue = definition();
  short_queue.max_length = 2;
  short_queue.overflow = Overflow::drop_oldest;
  queue->redefine(short_queue);
  auto waiting = receive(3);
  poll();
  store(3);
  queue->advance();
  poll();
  ASSERT_TRUE(is_ready(waiting));
  EXPECT_THAT(positions(received(std::move(waiting))), ElementsAre(2, 3));
  EXPECT_EQ(queue->info().dead_letters, 1u);
}

TEST_F(ServedQueueLane, TellsTheLaneThatSomebodyConsumes) {
  come(1);
  EXPECT_EQ(lane->asks, 0);
  take(1);
  EXPECT_EQ(lane->asks, 1);
  take(1);
  EXPECT_EQ(lane->asks, 2) << "also when there is nothing";
}

TEST_F(ServedQueueLane, WakesWhenTheNextIsDue) {
  come(2);
  EXPECT_THAT(lane->wakes, IsEmpty());
  const auto first = take(1);
  const auto first_end = now + definition().lease;
  EXPECT_THAT(lane->wakes, ElementsAre(first_end));
  now += seconds{1};
  const auto second = take(1);
  EXPECT_THAT(lane->wakes, ElementsAre(first_end, first_end)) << "the second lease ends later";
  queue->extend(ids(second), seconds{9});
  EXPECT_EQ(lane->last_wake(), now + seconds{9});
  auto failed = asio::co_spawn(loop, queue->nack(ids(first), {.delay = seconds{5}, .reason = {}}), asio::use_future);
  result_of(loop, std::move(failed), "an answer").value();
  EXPECT_EQ(lane->last_wake(), now + seconds{5});
}

TEST_F(ServedQueueLane, WritesWhatALeaseFoundExpired) {
  auto short_lived = definition();
  short_lived.message_ttl = seconds{1};
  queue->redefine(short_lived);
  come(1);
  EXPECT_EQ(lane->last_wake(), now + seconds{1});
  now += seconds{1};
  EXPECT_THAT(take(1), IsEmpty());
  poll();
  EXPECT_THAT(lane->commits, ElementsAre(1));
  EXPECT_EQ(queue->info().dead_letters, 1u);
}

}  // namespace
}  // namespace eventbus::delivery
