#pragma once

#include "eventbus/broker/conformance/broker_suite.hpp"

/// Deliveries: attempts, leases, order, competing consumers, restarts.
namespace eventbus {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAreArray;

TEST_P(BrokerConformance, AnAnswerToAnEarlierAttemptIsUnknown) {
  for (const bool ordered : {false, true}) {
    auto definition = queue(ordered ? "ordered" : "plain");
    definition.ordered = ordered;
    declare(definition);
  }
  publish({.key = "k"});
  for (const std::string name : {"plain", "ordered"}) {
    const auto first = receive(name, 1, Millis{20000});
    ASSERT_EQ(first.size(), 1u) << name;
    EXPECT_EQ(nack(name, first, {.requeue = true, .delay = Millis{0}, .reason = {}}).settled, 1u);
    const auto second = receive(name, 1, Millis{20000});
    ASSERT_EQ(second.size(), 1u) << name;
    EXPECT_EQ(ack(name, first).unknown, delivery_ids(first)) << name;
    EXPECT_EQ(nack(name, first).unknown, delivery_ids(first)) << name;
    EXPECT_EQ(run(broker().extend(name, delivery_ids(first), Millis{60000})).value().settled, 0u) << name;
    broker().give_back(name, delivery_ids(first));
    EXPECT_EQ(info(name).in_flight, 1u) << name;
    EXPECT_EQ(ack(name, second).settled, 1u) << name;
  }
}

TEST_P(BrokerConformance, DeliversInPublishOrderAndForgetsWhatIsAcknowledged) {
  declare(queue("q"));
  const auto ids = publish_many(25);
  const auto deliveries = receive_all("q");
  EXPECT_EQ(event_ids(deliveries), ids);
  EXPECT_EQ(info("q").in_flight, 25u);
  const auto acked = ack("q", deliveries);
  EXPECT_EQ(acked.settled, 25u);
  EXPECT_THAT(acked.unknown, IsEmpty());
  EXPECT_EQ(info("q").in_flight + info("q").ready, 0u);
  restart();
  EXPECT_THAT(receive("q"), IsEmpty());
}

TEST_P(BrokerConformance, SaysWhatIsInADelivery) {
  declare(queue("q"));
  publish({.type = "order.created", .key = "k"});
  const auto delivery = receive("q").at(0);
  EXPECT_EQ(delivery.attempt, 1u);
  EXPECT_FALSE(delivery.replayed);
  EXPECT_NE(delivery.first_attempt_at, Timestamp{});
  EXPECT_EQ(delivery.event.event->event_type, "order.created");
  EXPECT_EQ(delivery.event.event->ordering_key, "k");
  EXPECT_GT(delivery.event.position, 0);
}

TEST_P(BrokerConformance, HandsOutNoMoreBytesThanTheCreditPaysFor) {
  constexpr std::size_t size = 300'000;
  declare(queue("q"));
  Ids ids;
  for (int number = 0; number < 6; ++number)
    ids.push_back(publish({.payload = R"({"text":")" + std::string(size, 'x') + R"("})"}));
  const auto first = receive_for("q", {.events = 100, .bytes = 4 * size});
  EXPECT_EQ(event_ids(first), Ids(ids.begin(), ids.begin() + 3));
  EXPECT_EQ(info("q").in_flight, 3u);
  EXPECT_EQ(info("q").ready, 3u);
  const auto second = receive_for("q", {.events = 100, .bytes = 1});
  EXPECT_EQ(event_ids(second), (Ids{ids[3]})) << "one, whatever its size";
  const auto third = receive_for("q", {.events = 1, .bytes = 4 * size});
  EXPECT_EQ(event_ids(third), (Ids{ids[4]}));
  const auto last = receive("q").at(0);
  EXPECT_EQ(last.event.event->event_id, ids[5]);
  EXPECT_EQ(last.attempt, 1u) << "it had not been handed out before";
  for (const auto& deliveries : {first, second, third, {last}})
    EXPECT_EQ(ack("q", deliveries).settled, deliveries.size());
  EXPECT_EQ(info("q").in_flight + info("q").ready, 0u);
}

TEST_P(BrokerConformance, AcknowledgesOutOfOrderAcrossARestart) {
  declare(queue("q"));
  const auto ids = publish_many(10);
  const auto deliveries = receive_all("q");
  ack("q", {deliveries[8].delivery_id, deliveries[2].delivery_id, deliveries[5].delivery_id});
  restart();
  EXPECT_EQ(info("q").ready, 7u);
  EXPECT_EQ(event_ids(receive_all("q")), (Ids{ids[0], ids[1], ids[3], ids[4], ids[6], ids[7], ids[9]}));
}

TEST_P(BrokerConformance, ListsUnknownDeliveriesInsteadOfFailing) {
  declare(queue("q"));
  publish();
  const auto delivery = receive("q").at(0);
  EXPECT_THAT(ack("q", {delivery.delivery_id, "nonsense", delivery.delivery_id}).unknown,
              ElementsAre("nonsense", delivery.delivery_id));
  EXPECT_THAT(ack("q", {delivery.delivery_id}).unknown, ElementsAre(delivery.delivery_id));
  EXPECT_THAT(nack("q", {delivery}).unknown, ElementsAre(delivery.delivery_id));
}

TEST_P(BrokerConformance, RetriesWithTheNextAttemptAndKeepsTheFirstTime) {
  declare(queue("q"));
  publish();
  const auto first = receive("q").at(0);
  EXPECT_EQ(nack("q", {first}).settled, 1u);
  const auto second = receive("q").at(0);
  EXPECT_EQ(second.attempt, 2u);
  EXPECT_EQ(second.first_attempt_at, first.first_attempt_at);
  EXPECT_THAT(ack("q", {first.delivery_id}).unknown, ElementsAre(first.delivery_id));
  EXPECT_EQ(ack("q", {second.delivery_id}).settled, 1u);
}

TEST_P(BrokerConformance, DelaysARetryAsTheConsumerAsked) {
  declare(queue("q"));
  publish();
  nack("q", receive("q"), {.requeue = true, .delay = std::chrono::hours{1}, .reason = {}});
  EXPECT_EQ(info("q").delayed, 1u);
  EXPECT_THAT(receive("q"), IsEmpty());
  restart();
  EXPECT_EQ(info("q").delayed, 1u);
  publish();
  nack("q", receive("q"), {.requeue = true, .delay = Millis{1500}, .reason = {}});
  pass(Millis{1600});
  EXPECT_EQ(info("q").delayed, 1u);
  EXPECT_EQ(receive("q").at(0).attempt, 2u);
}

TEST_P(BrokerConformance, GivesUpAfterTheLastRetry) {
  declare(queue("q"));
  publish();
  for (int attempt = 1; attempt <= 3; ++attempt) nack("q", {receive("q", 1).at(0)});
  EXPECT_THAT(dead_letters("q"), ElementsAre("e1 max_retries 3"));
  publish();
  auto last = receive("q", 1);
  for (int attempt = 1; attempt <= 2; ++attempt) {
    nack("q", last);
    last = receive("q", 1);
  }
  nack("q", last, {.requeue = true, .delay = {}, .reason = "no stock"});
  EXPECT_THAT(dead_letters("q"), ElementsAre("e1 max_retries 3", "e2 no stock 3"));
  EXPECT_EQ(info("q").dead_letters, 2u);
  EXPECT_THAT(receive("q"), IsEmpty());
}

TEST_P(BrokerConformance, RejectsStraightToTheDeadLetters) {
  declare(queue("q"));
  publish_many(2);
  const auto deliveries = receive("q");
  nack("q", {deliveries[0]}, {.requeue = false, .delay = {}, .reason = {}});
  nack("q", {deliveries[1]}, {.requeue = false, .delay = {}, .reason = "poison"});
  restart();
  EXPECT_THAT(dead_letters("q"), ElementsAre("e1 rejected 1", "e2 poison 1"));
  EXPECT_EQ(info("q").ready + info("q").in_flight, 0u);
}

TEST_P(BrokerConformance, CountsAnEndedLeaseAsAFailedAttempt) {
  auto definition = queue("q");
  definition.lease = Millis{1000};
  declare(definition);
  publish();
  for (std::uint32_t attempt = 1; attempt <= 3; ++attempt) {
    const auto deliveries = receive("q");
    ASSERT_THAT(deliveries, SizeIs(1));
    EXPECT_EQ(deliveries[0].attempt, attempt);
    pass(Millis{1100});
    EXPECT_THAT(ack("q", deliveries).unknown, SizeIs(1));
  }
  EXPECT_THAT(dead_letters("q"), ElementsAre("e1 lease_expired 3"));
}

TEST_P(BrokerConformance, ExtendsALease) {
  auto definition = queue("q");
  definition.lease = Millis{1000};
  declare(definition);
  publish();
  const auto delivery = receive("q").at(0);
  pass(Millis{700});
  EXPECT_EQ(run(broker().extend("q", {delivery.delivery_id}, Millis{1000})).value().settled, 1u);
  pass(Millis{700});
  EXPECT_EQ(info("q").in_flight, 1u);
  pass(Millis{700});
  EXPECT_EQ(info("q").in_flight, 0u);
  EXPECT_THAT(run(broker().extend("q", {delivery.delivery_id}, Millis{1000})).value().unknown, SizeIs(1));
}

TEST_P(BrokerConformance, GivesBackWithoutCountingAnAttempt) {
  declare(queue("q"));
  publish_many(3);
  const auto ids = delivery_ids(receive("q", 2));
  broker().give_back("q", ids);
  const auto again = receive_all("q");
  EXPECT_THAT(event_ids(again), UnorderedElementsAreArray({"e1", "e2", "e3"}));
  for (const auto& delivery : again) EXPECT_EQ(delivery.attempt, 1u);
}

TEST_P(BrokerConformance, DeliversAgainWithTheSameAttemptAfterARestart) {
  declare(queue("q"));
  publish_many(3);
  nack("q", {receive("q", 1).at(0)});
  const auto before = receive_all("q");
  ASSERT_THAT(before, SizeIs(3));
  restart();
  EXPECT_EQ(info("q").ready, 3u);
  for (const auto& delivery : receive_all("q")) {
    EXPECT_EQ(delivery.attempt, delivery.event.event->event_id == "e1" ? 2u : 1u);
  }
}

TEST_P(BrokerConformance, SaysTheTruthAboutAcknowledgementsFromBeforeARestart) {
  declare(queue("q"));
  publish_many(6);
  const auto before = receive_all("q");
  restart();
  const auto acked = ack("q", {before[4].delivery_id, before[0].delivery_id});
  EXPECT_EQ(acked.settled + acked.unknown.size(), 2u);
  EXPECT_EQ(info("q").ready, 6u - acked.settled);
  restart();
  EXPECT_THAT(receive_all("q"), SizeIs(6u - acked.settled));
}

TEST_P(BrokerConformance, ServesWaitingReceivesInTheirOrder) {
  declare(queue("q"));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::hours{1};
  auto first = asio::co_spawn(loop, broker().receive("q", {1}, deadline), asio::use_future);
  auto second = asio::co_spawn(loop, broker().receive("q", {1}, deadline), asio::use_future);
  run_until(loop, "two consumers", [this] { return info("q").consumers == 2; });
  publish_many(2);
  EXPECT_EQ(event_ids(result_of(loop, std::move(first), "the first consumer's event").value()), Ids{"e1"});
  EXPECT_EQ(event_ids(result_of(loop, std::move(second), "the second consumer's event").value()), Ids{"e2"});
}

TEST_P(BrokerConformance, EndsAReceiveEmptyAtItsDeadline) {
  declare(queue("q"));
  EXPECT_THAT(receive("q", {1}, Millis{20}), IsEmpty());
  EXPECT_EQ(info("q").consumers, 0u);
}

TEST_P(BrokerConformance, DeliversOneEventOfAKeyAtATime) {
  auto definition = queue("q");
  definition.ordered = true;
  declare(definition);
  publish({.key = "a"});
  publish({.key = "a"});
  publish({.key = "b"});
  publish({.key = ""});
  publish({.key = ""});
  publish({.key = "a"});
  const auto first = receive_all("q");
  EXPECT_EQ(event_ids(first), (Ids{"e1", "e3", "e4", "e5"}));
  EXPECT_EQ(info("q").ready, 2u);
  ack("q", {first[0].delivery_id});
  const auto second = receive_all("q");
  EXPECT_EQ(event_ids(second), Ids{"e2"});
  nack("q", second, {.requeue = false, .delay = {}, .reason = {}});
  EXPECT_EQ(event_ids(receive_all("q")), Ids{"e6"});
}

TEST_P(BrokerConformance, HoldsBackOnlyTheKeyThatFails) {
  auto definition = queue("q");
  definition.ordered = true;
  declare(definition);
  for (const char* key : {"a", "b", "a", "b", "a"}) publish({.key = key});
  const auto first = receive_all("q");
  nack("q", {first[0]}, {.requeue = true, .delay = Millis{1500}, .reason = {}});
  ack("q", {first[1].delivery_id});
  const auto b = receive_all("q");
  EXPECT_EQ(event_ids(b), Ids{"e4"});
  ack("q", b);
  restart();
  EXPECT_THAT(receive("q"), IsEmpty());
  pass(Millis{1600});
  for (const char* id : {"e1", "e3", "e5"}) {
    const auto next = receive_all("q");
    EXPECT_EQ(event_ids(next), Ids{id});
    ack("q", next);
  }
}

TEST_P(BrokerConformance, ExpiresWhatWaitsTooLong) {
  auto definition = queue("q");
  definition.message_ttl = Millis{1000};
  definition.lease = Millis{60000};
  declare(definition);
  publish_many(3);
  const auto taken = receive("q", 1);
  pass(Millis{6000});  // Long, since events are stored by the real clock, which goes on while this test works.
  EXPECT_THAT(receive("q"), IsEmpty());
  EXPECT_THAT(dead_letters("q"), UnorderedElementsAreArray({"e2 expired 0", "e3 expired 0"}));
  EXPECT_EQ(ack("q", taken).settled, 1u);
}

}  // namespace eventbus
