// Two instances on the same servers: each knows what the other holds.
#include "eventbus/broker/rabbitmq/rabbitmq_instances_under_test.hpp"

namespace eventbus {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

class RabbitMqShares : public RabbitMqInstances {
 protected:
  /// The only event of an ordered queue.
  void fail_ordered(Millis delay) {
    auto definition = queue("q");
    definition.ordered = true;
    declare(std::move(definition));
    publish({.key = "k"});
    const auto taken = receive("q");
    ASSERT_THAT(taken, SizeIs(1));
    nack("q", taken, {.requeue = true, .delay = delay, .reason = {}});
  }
  static bool admits(Broker& broker, std::uint64_t count) {
    return broker.admit("events", "user.created", count).has_value();
  }
  void until_refused(Broker& broker, std::uint64_t count) {
    for (const Wait wait("a full queue to refuse"); admits(broker, count); wait.go_on()) pass(Millis{20});
  }
  QueueDefinition limited(std::uint64_t most, Overflow overflow) {
    auto definition = queue("q");
    definition.max_length = most;
    definition.overflow = overflow;
    return definition;
  }
};

INSTANTIATE_TEST_SUITE_P(RabbitMq, RabbitMqShares, testing::Values(BrokerCase{"rabbitmq", make_first}), broker_case);

TEST_P(RabbitMqShares, BothCountTheWholeQueue) {
  declare(queue("q"));
  publish_many(10);
  until_counted(10, 0);
  const auto taken = receive("q", 3);
  ASSERT_THAT(taken, SizeIs(3));
  until_counted(7, 3);
  ack("q", {taken[0].delivery_id});
  until_counted(7, 2);
  EXPECT_EQ(info_of_other("q").consumers, 0u);
}

TEST_P(RabbitMqShares, PurgeEmptiesBoth) {
  declare(queue("q"));
  publish_many(10);
  const auto taken = receive("q", 3);
  ASSERT_THAT(taken, SizeIs(3));
  until_counted(7, 3);
  EXPECT_EQ(run(other().purge("q")).value(), 7u);
  until_counted(0, 3);
  EXPECT_THAT(receive("q"), IsEmpty());
  EXPECT_EQ(ack("q", taken).settled, 3u);
}

TEST_P(RabbitMqShares, PurgeReachesWhatIsStillOnItsWay) {
  declare(queue("q"));
  auto one = draft({});
  std::vector<AppendRequest> requests(1);
  requests.front().drafts = {one};
  auto stored = std::vector{run(under_test->store().append(std::move(requests))).front().front().event};
  EXPECT_EQ(run(other().purge("q")).value(), 0u);
  run(under_test->relay(std::move(stored)));
  const auto later = publish();
  EXPECT_EQ(event_ids(receive("q", 10, Millis{20000})), Ids{later});
  EXPECT_THAT(receive_at_other(Millis{0}), IsEmpty());
}

TEST_P(RabbitMqShares, WhatWasInFlightOutlivesAPurge) {
  declare(queue("q"));
  const auto id = publish();
  ASSERT_THAT(receive("q"), SizeIs(1));
  EXPECT_EQ(run(other().purge("q")).value(), 0u);
  restart();
  EXPECT_EQ(event_ids(receive_at_other(Millis{20000})), Ids{id});
}

TEST_P(RabbitMqShares, PurgeEndsHeldRetriesOfTheOther) {
  fail_ordered(Millis{3'600'000});
  until_both("both to see the retry", [](const QueueInfo& info) { return info.delayed == 1; });
  EXPECT_EQ(run(other().purge("q")).value(), 1u);
  until_both("both to see none", [](const QueueInfo& info) { return info.delayed + info.ready + info.in_flight == 0; });
  EXPECT_EQ(postgres::TestServer::ask(place().database, "SELECT count(*) FROM eventbus_held_retries"), "0");
}

TEST_P(RabbitMqShares, TheLimitIsThatOfBoth) {
  declare(limited(5, Overflow::reject));
  publish_many(5);
  until_refused(other(), 1);
  const auto taken = receive("q", 2);
  ASSERT_THAT(taken, SizeIs(2));  // and this instance holds the rest
  until_counted(3, 2);
  EXPECT_TRUE(admits(other(), 2));
  EXPECT_FALSE(admits(other(), 3));
  EXPECT_FALSE(admits(broker(), 3));
}

TEST_P(RabbitMqShares, WhatTheRelayHasNotPublishedCounts) {
  declare(limited(3, Overflow::reject));
  std::vector<AppendRequest> requests(1);
  for (int count = 0; count < 3; ++count) requests.front().drafts.push_back(draft({}));
  const auto appended = run(under_test->store().append(std::move(requests)));
  std::vector<StoredEvent> stored;
  for (const auto& one : appended.front()) stored.push_back(one.event);
  broker().take(stored);
  for (int look = 0; look < 3; ++look) info("q");
  EXPECT_FALSE(admits(broker(), 1));
  until_refused(other(), 1);
  run(under_test->relay(stored));
  until_counted(3, 0);
  EXPECT_FALSE(admits(broker(), 1));
  const auto taken = receive("q", 3, Millis{20000});
  ASSERT_THAT(taken, SizeIs(3));
  ack("q", taken);
  for (const Wait wait("room"); !admits(broker(), 3) || !admits(other(), 3); wait.go_on()) pass(Millis{20});
}

TEST_P(RabbitMqShares, TooMuchIsDroppedOnce) {
  declare(limited(5, Overflow::drop_oldest));
  receive("q");
  receive_at_other(Millis{0});
  publish_burst(40);
  until_both("five to be left", [](const QueueInfo& info) { return info.ready == 5 && info.dead_letters == 35; });
  for (int look = 0; look < 3; ++look) info_of_other("q");
  EXPECT_EQ(info("q").ready, 5u);
  EXPECT_EQ(info("q").dead_letters, 35u);
}

TEST_P(RabbitMqShares, ASlowConsumerLeavesTheRestToAFastOne) {
  declare(queue("q"));
  publish_burst(200);
  ASSERT_THAT(receive_at_other(Millis{20000}), testing::Not(IsEmpty()));
  const auto slow = info_of_other("q").in_flight;
  ASSERT_LT(slow, 200u);
  std::size_t fast = 0;
  for (const Wait wait("the fast one to get the rest"); fast < 200 - slow; wait.go_on()) {
    const auto taken = receive("q", 10, Millis{200});
    fast += taken.size();
    ack("q", taken);
  }
}

TEST_P(RabbitMqShares, WhatIsAnsweredMakesRoomForMore) {
  declare(queue("q"));
  publish_burst(4500);
  std::vector<std::vector<Delivery>> held;
  std::size_t leased = 0;
  for (const Wait wait("as many as one instance holds"); leased < 4000; wait.go_on()) {
    held.push_back(receive("q", 900, Millis{1000}));
    leased += held.back().size();
  }
  EXPECT_EQ(leased, 4000u);
  EXPECT_THAT(receive("q", 10), IsEmpty());
  EXPECT_THAT(receive_at_other(Millis{20000}), testing::Not(IsEmpty()));
  std::size_t acked = 0;
  for (const auto& some : held) acked += ack("q", some).settled;
  EXPECT_EQ(acked, 4000u);
  EXPECT_THAT(receive("q", 10, Millis{20000}), testing::Not(IsEmpty()));
}

TEST_P(RabbitMqShares, AnOrderedQueueGoesToWhoeverAsks) {
  fail_ordered(Millis{2000});
  const auto again = receive_at_other(Millis{20000});
  ASSERT_THAT(again, SizeIs(1));
  EXPECT_EQ(again.front().attempt, 2u);
}

TEST_P(RabbitMqShares, HandingAnOrderedQueueOverKeepsItsOrder) {
  auto definition = queue("q");
  definition.ordered = true;
  declare(std::move(definition));
  constexpr std::size_t keys = 7;
  constexpr std::size_t events = 42;
  std::map<std::string, Ids> wanted;
  std::map<std::string, Ids> seen;
  const auto publish_next = [&](std::size_t number) {
    const auto key = "k" + std::to_string(number % keys);
    wanted[key].push_back(publish({.key = key}));
  };
  std::size_t published = 0;
  while (published < events / 2) publish_next(published++);
  std::size_t taken = 0;
  const Wait wait("all events through two instances by turns");
  for (bool at_other = false; taken < events; at_other = !at_other, wait.go_on()) {
    auto some = at_other ? run(other().receive("q", {7}, soon())).value() : receive("q", 7, Millis{30000});
    for (const auto& delivery : some) {
      seen[delivery.event.event->ordering_key].push_back(delivery.event.event->event_id);
    }
    taken += some.size();
    ack("q", some);
    for (int count = 0; count < 5 && published < events; ++count) publish_next(published++);
  }
  EXPECT_EQ(seen, wanted);
}

TEST_P(RabbitMqShares, TheAgeOfTheOldestIsKnownWithoutConsumers) {
  declare(queue("q"));
  publish();
  const auto stored_at = run(under_test->store().get("e1")).value().stored_at;
  publish_many(2);
  until_both("both to know the oldest",
             [stored_at](const QueueInfo& info) { return info.oldest_since == stored_at && info.ready == 3; });
  const auto taken = receive("q", 3, Millis{20000});
  ASSERT_THAT(taken, SizeIs(3));
  ack("q", taken);
  until_both("both to know that there is none", [](const QueueInfo& info) { return !info.oldest_since; });
}

TEST_P(RabbitMqShares, LookingAtTheOldestKeepsTheOrder) {
  auto definition = queue("q");
  definition.ordered = true;
  declare(std::move(definition));
  for (int count = 0; count < 6; ++count) publish({.key = "k"});
  const auto taken = receive("q", 1, Millis{20000});
  ASSERT_THAT(taken, SizeIs(1));
  ack("q", taken);
  restart();  // the others go back, and nobody knows how old they are
  const auto stored_at = run(under_test->store().get("e2")).value().stored_at;
  until_both("both to know the oldest",
             [stored_at](const QueueInfo& info) { return info.oldest_since == stored_at && info.ready == 5; });
  Ids seen;
  for (const Wait wait("the rest"); seen.size() < 5; wait.go_on()) {
    const auto some = receive("q", 1, Millis{20000});
    for (const auto& id : event_ids(some)) seen.push_back(id);
    ack("q", some);
  }
  EXPECT_EQ(seen, (Ids{"e2", "e3", "e4", "e5", "e6"}));
}

TEST_P(RabbitMqShares, WhatOthersShowedCountsWhileTheyRunAndShowIt) {
  declare(queue("q"));
  publish();
  const std::string shares =
      "ARRAY(SELECT id FROM eventbus_queues), '{7}', '{7}', '{7}', '{7}', '{1}', '{0}', ARRAY[now() - interval '1 "
      "day']";
  auto third = session();
  run(third->script("SELECT pg_advisory_lock_shared(4711)", soon()));
  sql("INSERT INTO eventbus_instances SELECT 5000 + n, " + shares + ", now() FROM generate_series(1, 300) n");
  sql("INSERT INTO eventbus_instances SELECT 4711, " + shares + ", now()");
  until_counted(8, 7);
  until_counted(1, 0);  // it has shown nothing for some seconds
  sql("UPDATE eventbus_instances SET shown_at = now() WHERE instance = 4711");
  until_counted(8, 7);
  third.reset();
  until_counted(1, 0);
  EXPECT_THAT(receive_at_other(Millis{20000}), SizeIs(1));
  for (const Wait wait("them to be forgotten");
       postgres::TestServer::ask(place().database, "SELECT count(*) FROM eventbus_instances") != "2"; wait.go_on())
    pass(Millis{100});
}

}  // namespace
}  // namespace eventbus
