#pragma once

#include "eventbus/broker/conformance/broker_suite.hpp"

/// What enters a queue later than it was published.
namespace eventbus {

class BrokerEntries : public BrokerSuite {
 protected:
  /// All of them become dead letters.
  void reject(const std::vector<Delivery>& deliveries) {
    nack("q", deliveries, {.requeue = false, .delay = {}, .reason = {}});
  }
  void redrive_all() {
    const DeadLetterSelection all{.event_ids = {}, .reason = {}, .all = true};
    EXPECT_GT(run(broker().redrive("q", all, 0, false)).value().redriven, 0u);
  }

  const bool real_ = under_test->timing().real;
  const Millis ttl_{real_ ? 6000 : 20000};
  const Millis longer_{real_ ? 8000 : 60000};
};

/// Of these, what holds across a restart. A suite of its own, since RabbitMQ's adapter forgets it.
class BrokerEntriesRestored : public BrokerEntries {};

TEST_P(BrokerEntriesRestored, AnswersOfBeforeARedriveAreNotForTheRedrivenEvent) {
  declare(queue("q"));
  publish();
  const auto first = receive("q");
  ASSERT_THAT(first, testing::SizeIs(1));
  const auto& old = first[0].delivery_id;
  for (int time = 0; time < 2; ++time) {
    reject(time == 0 ? first : receive("q"));
    redrive_all();
    if (time == 1) restart();
    EXPECT_THAT(ack("q", {old}).unknown, testing::ElementsAre(old));
    EXPECT_EQ(run(broker().nack("q", {old}, {})).value().settled, 0u);
    EXPECT_EQ(info("q").ready, 1u);
  }
  const auto again = receive("q");
  ASSERT_THAT(again, testing::SizeIs(1));
  EXPECT_EQ(again[0].attempt, 1u);
  EXPECT_EQ(run(broker().extend("q", {old}, Millis{1000})).value().settled, 0u);
  broker().give_back("q", Ids{old});
  EXPECT_EQ(info("q").in_flight, 1u);
  EXPECT_EQ(ack("q", again).settled, 1u);
  restart();
  EXPECT_THAT(receive("q"), testing::IsEmpty());
}

TEST_P(BrokerEntries, RedrivenEventsComeAtTheEndInTheirOrder) {
  for (const bool restarted : {false, true}) {
    declare(queue("q"));
    const auto ids = publish_many(5);
    reject(receive("q", 2));
    redrive_all();
    const auto later = publish();
    if (restarted) restart();
    EXPECT_EQ(event_ids(receive_all("q")), (Ids{ids[2], ids[3], ids[4], ids[0], ids[1], later}));
    run(broker().remove("q")).value();
  }
}

TEST_P(BrokerEntries, RedrivenEventsComeBehindWhatWaitsOfTheirKey) {
  auto definition = queue("q");
  definition.ordered = true;
  declare(definition);
  Ids ids;
  for (int event = 0; event < 2; ++event) {
    ids.push_back(publish({.key = "k"}));
    reject(receive("q"));
  }
  ids.push_back(publish({.key = "k"}));
  redrive_all();
  ids.push_back(publish({.key = "k"}));
  restart();
  Ids came;
  for (auto next = receive("q"); !next.empty(); next = receive("q")) {
    came.push_back(event_ids(next).front());
    EXPECT_EQ(ack("q", next).settled, 1u);
  }
  EXPECT_EQ(came, (Ids{ids[2], ids[0], ids[1], ids[3]}));
}

TEST_P(BrokerEntriesRestored, ARedrivenEventIsAnsweredAfterARestart) {
  declare(queue("q"));
  publish_many(2);
  reject(receive("q"));
  redrive_all();
  const auto again = receive("q");
  ASSERT_THAT(again, testing::SizeIs(2));
  restart();
  EXPECT_EQ(ack("q", {again[0].delivery_id}).settled, 1u);
  nack("q", {again[1]}, {.requeue = true, .delay = Millis{60000}, .reason = {}});
  EXPECT_EQ(info("q").delayed, 1u);
  restart();
  EXPECT_THAT(receive("q"), testing::IsEmpty());
  EXPECT_THAT(ack("q", {again[1].delivery_id}).unknown, testing::ElementsAre(again[1].delivery_id));
  pass(Millis{61000});
  const auto retried = receive("q");
  ASSERT_THAT(retried, testing::SizeIs(1));
  EXPECT_EQ(retried[0].attempt, 2u);
  nack("q", retried, {.requeue = false, .delay = {}, .reason = {}});
  redrive_all();
  EXPECT_THAT(ack("q", {again[1].delivery_id, retried[0].delivery_id}).unknown, testing::SizeIs(2));
  EXPECT_EQ(event_ids(receive("q")), event_ids(retried));
}

TEST_P(BrokerEntries, RedrivenEventsLiveAsLongAsFreshOnes) {
  auto definition = queue("q");
  definition.message_ttl = ttl_;
  definition.lease = Millis{600000};
  declare(definition);
  const auto ids = publish_many(2);
  reject(receive("q"));
  pass(longer_);
  redrive_all();
  restart();
  EXPECT_EQ(event_ids(receive("q", 1)), Ids{ids[0]});
  pass(longer_);
  EXPECT_THAT(receive("q"), testing::IsEmpty());
  EXPECT_THAT(dead_letters("q"), testing::ElementsAre(ids[1] + " expired 0"));
}

TEST_P(BrokerEntries, ThePastOfAQueueLivesFromItsDeclaration) {
  Ids ids{publish()};
  restart();
  ids.push_back(publish());
  pass(longer_);
  auto definition = queue("q");
  definition.message_ttl = ttl_;
  definition.lease = Millis{600000};
  definition.start_from.kind = StartFrom::Kind::beginning;
  declare(definition);
  restart();
  EXPECT_EQ(event_ids(receive("q", 1)), Ids{ids[0]});
  pass(longer_);
  EXPECT_THAT(receive("q"), testing::IsEmpty());
  EXPECT_THAT(dead_letters("q"), testing::ElementsAre(ids[1] + " expired 0"));
}

TEST_P(BrokerEntries, ThePastOfAQueueIsDroppedDownToItsLength) {
  const auto ids = publish_many(12);
  auto definition = queue("q");
  definition.overflow = Overflow::drop_oldest;
  definition.max_length = 3;
  definition.start_from.kind = StartFrom::Kind::beginning;
  declare(definition);
  run_until(loop, "the oldest to be dropped", [this] { return info("q").dead_letters == 9; });
  EXPECT_EQ(event_ids(receive_all("q")), (Ids{ids[9], ids[10], ids[11]}));
}

TEST_P(BrokerEntries, RedrivingMakesRoomByDroppingTheOldest) {
  auto definition = queue("q");
  definition.overflow = Overflow::drop_oldest;
  definition.max_length = 12;
  declare(definition);
  const auto rejected = publish_many(8);
  reject(receive("q", 8));
  const auto ids = publish_many(12);
  restart();
  redrive_all();
  run_until(loop, "the oldest to be dropped", [this] { return info("q").ready == 12 && info("q").dead_letters == 8; });
  Ids left(ids.begin() + 8, ids.end());
  left.insert(left.end(), rejected.begin(), rejected.end());
  EXPECT_EQ(event_ids(receive_all("q")), left);
}

TEST_P(BrokerEntriesRestored, ARetryKeepsItsDelayBesideARedrivenEventOfItsKey) {
  auto definition = queue("q");
  definition.ordered = true;
  declare(definition);
  const auto first = publish({.key = "k"});
  reject(receive("q"));
  const auto second = publish({.key = "k"});
  nack("q", receive("q"), {.requeue = true, .delay = Millis{60000}, .reason = {}});
  redrive_all();
  restart();
  EXPECT_THAT(receive("q"), testing::IsEmpty()) << "both wait for the retry";
  pass(Millis{61000});
  const auto retried = receive("q");
  EXPECT_EQ(event_ids(retried), Ids{second});
  EXPECT_EQ(ack("q", retried).settled, 1u);
  EXPECT_EQ(event_ids(receive("q")), Ids{first});
}

}  // namespace eventbus
