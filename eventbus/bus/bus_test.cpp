#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <functional>
#include <stdexcept>

#include "eventbus/bus/bus_under_test.hpp"
#include "eventbus/bus/event_feed.hpp"
#include "eventbus/bus/publisher.hpp"
#include "eventbus/runtime/task_group.hpp"

namespace eventbus {
namespace {

TEST_F(BusTest, ALoneEventIsCommittedAtOnceAndTheNextGroupGathersMeanwhile) {
  publish("a");
  poll();
  EXPECT_EQ(store.groups, 1);
  publish("b");
  publish("c");
  poll();
  EXPECT_EQ(store.groups, 1);
  commit();
  EXPECT_EQ(outcomes, std::vector<std::string>{"stored"});
  EXPECT_EQ(store.groups, 2);
  commit();
  EXPECT_EQ(outcomes.size(), 3u);
  EXPECT_EQ(store.groups, 2);
}

TEST_F(BusTest, HandsCommittedEventsToTheBrokerInOrder) {
  for (const auto* type : {"a", "b", "c"}) publish(type);
  poll();
  EXPECT_TRUE(broker.taken.empty());
  commit();
  commit();
  ASSERT_EQ(broker.taken.size(), 3u);
  for (std::size_t index = 0; index < 3; ++index)
    EXPECT_EQ(broker.taken[index].position, static_cast<Position>(index + 1));
}

TEST_F(BusTest, AGroupHoldsAtMostItsLimit) {
  publish("first");
  poll();
  for (const auto* type : {"a", "b", "c", "d"}) publish(type);
  poll();
  commit();
  EXPECT_EQ(store.groups, 2);
  commit();
  EXPECT_EQ(outcomes.size(), 4u);
  EXPECT_EQ(store.groups, 3);
  commit();
  EXPECT_EQ(outcomes.size(), 5u);
}

asio::awaitable<void> count_stored(Publisher& publisher, std::string type, std::size_t& stored) {
  auto draft = draft_of(std::move(type));
  stored += (co_await publisher.publish(std::move(draft))).has_value() ? 1 : 0;
}

TEST_F(BusTest, HandsTheStoreSeveralGroupsAtOnce) {
  Publisher eager{loop.get_executor(), store, broker, hand_over, metrics, {.groups_in_flight = 2}};
  tasks.spawn("eager", eager.run());
  std::size_t stored = 0;
  for (const auto* type : {"a", "b", "c"}) {
    tasks.spawn(type, count_stored(eager, type, stored));
    poll();
  }
  EXPECT_EQ(store.groups, 2);
  for (int group = 0; group < 3; ++group) commit();
  EXPECT_EQ(store.groups, 3);
  EXPECT_EQ(stored, 3u);
  ASSERT_EQ(broker.taken.size(), 3u);
  for (std::size_t index = 0; index < 3; ++index)
    EXPECT_EQ(broker.taken[index].position, static_cast<Position>(index + 1));
  eager.stop();
  poll();
}

TEST_F(BusTest, RefusesMoreThanItMayHoldAndTakesThemLater) {
  for (const auto* type : {"a", "b", "c", "d", "e", "f"}) publish(type);
  poll();
  EXPECT_EQ(outcomes, std::vector<std::string>{"too_many_requests"});
  commit();
  commit();
  commit();
  publish("g");
  poll();
  commit();
  EXPECT_EQ(outcomes.size(), 7u);
  EXPECT_EQ(outcomes.back(), "stored");
}

TEST_F(BusTest, AFailedCommitFailsItsGroupOnlyAndHandsNothingOver) {
  publish("a");
  poll();
  store.failing = true;
  commit();
  EXPECT_EQ(outcomes, std::vector<std::string>{"commit: disk full"});
  EXPECT_TRUE(broker.taken.empty());
  store.failing = false;
  publish("b");
  poll();
  commit();
  EXPECT_EQ(outcomes.back(), "stored");
}

TEST_F(BusTest, ReadOnlyModeRefusesPublishing) {
  publisher.set_mode(BusMode::read_only);
  publish("a");
  poll();
  EXPECT_EQ(outcomes, std::vector<std::string>{"read_only"});
  publisher.set_mode(BusMode::normal);
  publish("b");
  poll();
  commit();
  EXPECT_EQ(outcomes.back(), "stored");
}

TEST_F(BusTest, DrainingFinishesWhatWasAcceptedAndRefusesTheRest) {
  publish("a");
  poll();
  publish("b");
  poll();
  publisher.stop();
  publish("c");
  poll();
  EXPECT_EQ(outcomes, std::vector<std::string>{"draining"});
  commit();
  commit();
  EXPECT_EQ(outcomes, (std::vector<std::string>{"draining", "stored", "stored"}));
  EXPECT_EQ(tasks.size(), 0u);
}

asio::awaitable<void> publish_batch(Publisher& publisher, bool atomic, std::vector<std::string>& outcomes) {
  std::vector drafts{draft_of("a"), draft_of("full"), draft_of("b")};
  auto places = co_await publisher.admit(drafts);
  auto results = co_await publisher.publish_batch(std::move(drafts), std::move(places), atomic);
  if (!results) {
    outcomes.push_back("all " + std::string(describe(results.error().code).name));
    co_return;
  }
  for (const auto& result : *results)
    outcomes.push_back(result ? "stored" : std::string(describe(result.error().code).name));
}

TEST_F(BusTest, AFullQueueRefusesOnlyItsEventsUnlessTheBatchIsAtomic) {
  tasks.spawn("batch", publish_batch(publisher, false, outcomes));
  poll();
  commit();
  EXPECT_EQ(outcomes, (std::vector<std::string>{"stored", "queue_full", "stored"}));
  tasks.spawn("atomic", publish_batch(publisher, true, outcomes));
  poll();
  EXPECT_EQ(outcomes.back(), "all queue_full");
  EXPECT_EQ(store.log.size(), 2u);
}

TEST_F(BusTest, StoredIsStoredEvenWhenItCanNotBeHandedOver) {
  int handed_over = 0;
  const Publisher::Committed broken = [&handed_over](std::span<const StoredEvent>) {
    ++handed_over;
    throw std::logic_error("a broken queue");
  };
  Publisher unlucky{loop.get_executor(), store, broker, broken, metrics, {.groups_in_flight = 2}};
  std::string failure;
  tasks.spawn("unlucky", note_failure(unlucky.run(), failure));
  std::size_t stored = 0;
  for (const auto* type : {"a", "b", "c"}) {
    tasks.spawn(type, count_stored(unlucky, type, stored));
    poll();
  }
  commit();
  EXPECT_EQ(stored, 2u);
  tasks.spawn("late", record_of(unlucky, draft_of("late")));
  poll();
  EXPECT_EQ(outcomes, std::vector<std::string>{"draining"});
  EXPECT_EQ(failure, "") << "what was accepted is stored first";
  commit();
  EXPECT_EQ(stored, 3u);
  EXPECT_EQ(handed_over, 1) << "no gap in what is handed over";
  EXPECT_EQ(failure, "a broken queue");
}

asio::awaitable<void> follow(EventFeed& feed, Position after, std::string pattern, std::vector<Position>& seen) {
  while (!feed.stopped()) {
    auto page = co_await feed.next(after, 2, pattern, Signal::Deadline::max());
    for (const auto& stored : page.events) seen.push_back(stored.position);
    after = page.scanned;
  }
}

TEST_F(BusTest, TheFeedCatchesUpFromTheStoreAndGoesOnLiveWithoutGapOrRepeat) {
  for (const auto* type : {"a", "b", "c"}) store.put(draft_of(type).event);
  std::vector<Position> seen;
  tasks.spawn("follow", follow(feed, 0, "", seen));
  poll();
  EXPECT_EQ(seen, (std::vector<Position>{1, 2, 3}));
  const auto reads = store.log_reads;
  for (const auto* type : {"d", "e", "f"}) {
    publish(type);
    poll();
    commit();
  }
  EXPECT_EQ(seen, (std::vector<Position>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(store.log_reads, reads) << "live events come from memory";
  feed.stop();
  poll();
}

TEST_F(BusTest, OthersHaveTheirTurnWhileTheFeedWakesManyFollowers) {
  constexpr std::size_t followers = 1000;
  std::vector<std::vector<Position>> seen(followers);
  for (auto& one : seen) tasks.spawn("follow", follow(feed, 0, "", one));
  poll();
  std::size_t served_before = followers;
  const auto served = [&seen] {
    return static_cast<std::size_t>(std::ranges::count_if(seen, std::not_fn(&std::vector<Position>::empty)));
  };
  feed.take(std::vector{store.put(draft_of("a").event)});
  asio::post(loop, [&] {
    served_before = served();
    feed.take(std::vector{store.put(draft_of("b").event)});
  });
  poll();
  EXPECT_LE(served_before, followers / 10);
  EXPECT_EQ(seen, std::vector(followers, std::vector<Position>{1, 2}));
  feed.stop();
  poll();
}

TEST_F(BusTest, TheFeedForgetsOldEventsAndReadsThemFromTheStore) {
  for (int n = 0; n < 40; ++n) {
    publish("t" + std::to_string(n));
    poll();
    commit();
  }
  std::vector<Position> seen;
  tasks.spawn("follow", follow(feed, 0, "t7", seen));
  poll();
  EXPECT_EQ(seen, std::vector<Position>{8});
  EXPECT_GT(store.log_reads, 0);
  feed.stop();
  poll();
}

}  // namespace
}  // namespace eventbus
