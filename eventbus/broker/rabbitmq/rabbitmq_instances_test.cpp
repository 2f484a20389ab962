// Two instances on the same servers: deliveries of one are answered through the other.
#include "eventbus/broker/rabbitmq/delivery_id.hpp"
#include "eventbus/broker/rabbitmq/rabbitmq_instances_under_test.hpp"

namespace eventbus {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAreArray;

INSTANTIATE_TEST_SUITE_P(RabbitMq, RabbitMqInstances, testing::Values(BrokerCase{"rabbitmq", make_first}), broker_case);

TEST_P(RabbitMqInstances, AcknowledgementsThroughTheOtherAreDurable) {
  declare(queue("q"));
  publish_many(3);
  auto taken = receive("q", 3);
  ASSERT_THAT(taken, SizeIs(3));
  const auto settled = ack_at_other({taken[0].delivery_id, taken[2].delivery_id});
  EXPECT_EQ(settled.settled, 2);
  EXPECT_THAT(settled.unknown, IsEmpty());
  EXPECT_THAT(ack_at_other({taken[0].delivery_id}).unknown, ElementsAre(taken[0].delivery_id));
  EXPECT_EQ(letters(), "0");

  restart();
  EXPECT_THAT(event_ids(receive("q", 10, Millis{20000})), ElementsAre("e2"));
}

TEST_P(RabbitMqInstances, FailuresToldToTheOtherAreRetriedOrDead) {
  declare(queue("q"));
  publish_many(2);
  auto taken = receive("q", 2);
  ASSERT_THAT(taken, SizeIs(2));
  EXPECT_EQ(nack_at_other(taken[0], {.requeue = false, .delay = {}, .reason = "no \"money\""}).settled, 1);
  EXPECT_EQ(nack_at_other(taken[1], {.requeue = true, .delay = Millis{0}, .reason = {}}).settled, 1);
  EXPECT_THAT(dead_letters("q"), ElementsAre("e1 no \"money\" 1"));
  auto again = receive("q", 2, Millis{20000});
  ASSERT_THAT(event_ids(again), ElementsAre("e2"));
  EXPECT_EQ(again[0].attempt, 2);
}

TEST_P(RabbitMqInstances, LeasesAreExtendedThroughTheOther) {
  auto definition = queue("q");
  definition.lease = Millis{700};
  declare(std::move(definition));
  publish();
  auto taken = receive("q");
  ASSERT_THAT(taken, SizeIs(1));
  EXPECT_EQ(run(other().extend("q", delivery_ids(taken), Millis{60000})).value().settled, 1);
  pass(Millis{1000});
  EXPECT_THAT(receive("q"), IsEmpty());
  EXPECT_EQ(ack_at_other(delivery_ids(taken)).settled, 1);
}

TEST_P(RabbitMqInstances, AnOrderedEventThatFailsThroughTheOtherKeepsItsPlace) {
  auto definition = queue("q");
  definition.ordered = true;
  declare(std::move(definition));
  publish({.key = "k"});
  publish({.key = "k"});
  auto taken = receive("q");
  ASSERT_THAT(event_ids(taken), ElementsAre("e1"));
  EXPECT_EQ(nack_at_other(taken[0], {.requeue = true, .delay = Millis{300}, .reason = {}}).settled, 1);
  EXPECT_THAT(receive("q"), IsEmpty());
  EXPECT_THAT(event_ids(receive("q", 10, Millis{20000})), ElementsAre("e1"));
}

TEST_P(RabbitMqInstances, OneRequestMayNameDeliveriesOfSeveralInstances) {
  declare(queue("q"));
  receive("q");
  receive_at_other(Millis{0});
  publish_burst(20);
  std::vector<Delivery> all;
  std::set<std::string> owners;
  for (const Wait wait("twenty deliveries at two instances"); all.size() < 20; wait.go_on()) {
    for (auto& delivery : receive("q", 100, Millis{100})) all.push_back(std::move(delivery));
    for (auto& delivery : receive_at_other(Millis{100})) all.push_back(std::move(delivery));
  }
  for (const auto& delivery : all) owners.insert(delivery.delivery_id.substr(0, 16));
  ASSERT_THAT(owners, SizeIs(2));
  const Ids strangers{"nonsense", encode(rabbitmq::DeliveryId{.instance = 4711, .number = 1}),
                      *owners.begin() + "-fffff", *owners.rbegin() + "-fffff"};
  auto ids = delivery_ids(all);
  ids.insert(ids.begin() + 10, strangers.begin(), strangers.end());
  const auto settled = ack_at_other(std::move(ids));
  EXPECT_EQ(settled.settled, 20);
  EXPECT_THAT(settled.unknown, UnorderedElementsAreArray(strangers));
  until_counted(0, 0);
}

TEST_P(RabbitMqInstances, DeliveriesOfOneThatDiedAreUnknownAndComeAgain) {
  declare(queue("q"));
  publish();
  const auto taken = receive("q");
  ASSERT_THAT(taken, SizeIs(1));
  restart();
  EXPECT_THAT(ack_at_other(delivery_ids(taken)).unknown, ElementsAre(taken[0].delivery_id));
  EXPECT_THAT(event_ids(receive_at_other(Millis{20000})), ElementsAre("e1"));
}

TEST_P(RabbitMqInstances, DeliveriesOfOneThatHangsAreUnknownInTime) {
  declare(queue("q"));
  auto third = session();
  run(third->script("SELECT pg_advisory_lock_shared(4711)", soon()));
  const auto id = encode(rabbitmq::DeliveryId{.instance = 4711, .number = 1});
  EXPECT_THAT(ack_at_other({id}).unknown, ElementsAre(id));
  for (const Wait wait("the mail to be cleared away"); letters() != "0"; wait.go_on()) pass(Millis{50});
}

TEST_P(RabbitMqInstances, WhatTheOtherCanNotDoIsSaidSo) {
  declare(queue("q"));
  publish();
  const auto taken = receive("q");
  ASSERT_THAT(taken, SizeIs(1));
  amqp::TestServer::shared().freeze();
  EXPECT_THROW(ack_at_other(delivery_ids(taken)), Unavailable);
  amqp::TestServer::shared().thaw();
}

TEST_P(RabbitMqInstances, WithoutTheDatabaseOnlyOwnDeliveriesAreSettled) {
  declare(queue("q"));
  publish_many(2);
  const auto taken = receive("q", 2);
  ASSERT_THAT(taken, SizeIs(2));
  EXPECT_TRUE(run(other().info("q")));
  postgres::TestServer::shared().freeze();
  EXPECT_THROW(ack_at_other({taken[0].delivery_id}), Unavailable);
  EXPECT_EQ(ack("q", Ids{taken[1].delivery_id}).settled, 1);
  postgres::TestServer::shared().thaw();
  for (bool answered = false; !answered;) {
    try {
      ack_at_other({taken[0].delivery_id});  // unknown when what was refused before has been done since
      answered = true;
    } catch (const Unavailable&) {
      pass(Millis{50});
    }
  }
  EXPECT_EQ(info("q").in_flight, 0);
}

}  // namespace
}  // namespace eventbus
