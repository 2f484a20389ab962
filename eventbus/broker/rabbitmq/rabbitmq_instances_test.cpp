// Two instances on the same servers: deliveries of one are answered through the other.
#include <algorithm>
#include <iterator>

#include "eventbus/broker/conformance/broker_suite.hpp"
#include "eventbus/broker/rabbitmq/delivery_id.hpp"
#include "eventbus/broker/rabbitmq/rabbitmq_under_test.hpp"

namespace eventbus {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAreArray;

std::unique_ptr<BrokerUnderTest> make_first(asio::io_context& loop) {
  return std::make_unique<RabbitMqUnderTest>(loop, std::chrono::milliseconds{1000});
}

class RabbitMqInstances : public BrokerSuite {
 protected:
  Broker& other() { return second->broker(); }
  Settled ack_at_other(Ids ids) { return run(other().ack("q", std::move(ids))).value(); }
  Settled nack_at_other(const Delivery& delivery, NackOptions options) {
    return run(other().nack("q", {delivery.delivery_id}, std::move(options))).value();
  }
  std::vector<Delivery> receive_at_other(Millis wait) {
    return run(other().receive("q", 100, std::chrono::steady_clock::now() + wait)).value();
  }
  void change_queues(const std::string& columns) {
    postgres::TestServer::ask(place().database, "UPDATE eventbus_queues SET " + columns +
                                                    "; UPDATE eventbus_queues_revision SET revision = revision + 1");
  }
  void sql(const std::string& text) { postgres::TestServer::ask(place().database, text); }
  /// By an instance 4711.
  void claim_removal(const std::string& time) {
    sql("INSERT INTO eventbus_queue_claims VALUES ('q', 4711, true, now() + interval '" + time +
        "') ON CONFLICT (queue) DO UPDATE SET instance = 4711, removing = true, until = excluded.until; "
        "UPDATE eventbus_queues_revision SET revision = revision + 1");
  }
  std::string control(const std::string& command, std::vector<std::string> more) {
    std::vector<std::string> words{command, "-p", place().virtual_host, "--silent"};
    std::ranges::move(more, std::back_inserter(words));
    return amqp::TestServer::shared().control(std::move(words));
  }
  static std::chrono::steady_clock::time_point soon() { return std::chrono::steady_clock::now() + Millis{30000}; }
  std::unique_ptr<postgres::Connection> session() {
    auto settings = postgres::ConnectionSettings::parse(place().database).value();
    return run(postgres::Connection::connect(loop.get_executor(), std::move(settings), soon()));
  }
  /// What a client is told when the work can't be done now.
  template <class Work>
  static std::string refusal(const Work& work) {
    try {
      work();
      return "none";
    } catch (const Unavailable& refused) {
      return refused.client_detail();
    }
  }
  std::string letters() { return postgres::TestServer::ask(place().database, "SELECT count(*) FROM eventbus_mail"); }
  const RabbitMqPlace& place() { return static_cast<RabbitMqUnderTest&>(*under_test).place(); }

  std::unique_ptr<RabbitMqUnderTest> second = std::make_unique<RabbitMqUnderTest>(loop, Millis{1000}, place());
};

INSTANTIATE_TEST_SUITE_P(RabbitMq, RabbitMqInstances, testing::Values(BrokerCase{"rabbitmq", make_first}), broker_case);

TEST_P(RabbitMqInstances, OneOfThemPutsThePastIntoAQueue) {
  publish_many(3);
  auto past = queue("q");
  past.start_from.kind = StartFrom::Kind::beginning;
  declare(past);
  EXPECT_EQ(ack("q", receive_all("q")).settled, 3);
  for (const std::string lapsed : {"now()", "now() + interval '1 hour'"}) {
    // As if a third instance were at it again, from the start …
    change_queues("backfilled_to = 0, backfilled_by = 1, backfill_claimed_until = now() + interval '15 seconds'");
    EXPECT_THAT(receive_at_other(Millis{2500}), IsEmpty());
    // … and died; the second time the server's clock was set back, too.
    change_queues("backfill_claimed_until = " + lapsed);
    std::vector<Delivery> taken;
    for (const Wait wait("three deliveries at the other instance"); taken.size() < 3; wait.go_on()) {
      auto more = receive_at_other(Millis{20000});
      ASSERT_THAT(more, testing::Not(IsEmpty())) << lapsed;
      std::ranges::move(more, std::back_inserter(taken));
    }
    EXPECT_THAT(taken, SizeIs(3));
    EXPECT_THAT(receive_at_other(Millis{2500}), IsEmpty());
    EXPECT_EQ(ack_at_other(delivery_ids(taken)).settled, 3);
  }
}

TEST_P(RabbitMqInstances, WhatOneRemovesNobodyMakesAgain) {
  constexpr std::string_view later = "queue 'q' is being made or deleted just now. Try again in a few seconds.";
  declare(queue("q"));
  EXPECT_TRUE(run(other().info("q")));
  for (const std::string end : {"", "now()", "now() + interval '1 hour'"}) {
    // As if a third instance were at it …
    auto third = session();
    run(third->script("SELECT pg_advisory_lock_shared(4711)", soon()));
    claim_removal("45 seconds");
    pass(Millis{200});
    control("delete_queue", {"q"});
    control("delete_queue", {"q.dlq"});
    pass(Millis{300});
    EXPECT_EQ(run(broker().info("q")).value().ready, 0);
    EXPECT_THAT(receive_at_other(Millis{300}), IsEmpty());
    EXPECT_EQ(control("list_queues", {"--no-table-headers", "name"}), "");
    EXPECT_THAT(refusal([this] { declare(queue("q")); }), HasSubstr(later));
    EXPECT_THAT(refusal([this] { EXPECT_TRUE(run(other().remove("q"))); }), HasSubstr(later));
    // … and died, stood still, or the server's clock was set back.
    if (end.empty()) {
      third.reset();
    } else {
      sql("UPDATE eventbus_queue_claims SET until = " + end);
    }
    const auto bound = [this] { return control("list_bindings", {"source_name", "destination_name"}); };
    for (const Wait wait("the queue to be there again"); !bound().contains("events\tq\n"); wait.go_on())
      pass(Millis{50});
    publish_many(1);
    EXPECT_EQ(ack("q", receive("q", 1, Millis{20000})).settled, 1) << end;
  }
  EXPECT_TRUE(run(other().remove("q")));
  EXPECT_EQ(run(broker().remove("q")).error().code, ErrorCode::unknown_queue);
  EXPECT_EQ(control("list_queues", {"--no-table-headers", "name"}), "");
}

TEST_P(RabbitMqInstances, NothingIsPublishedPastAQueueThatAnotherMakes) {
  declare(queue("q"));
  declare(queue("also"));
  auto third = session();
  run(third->script("SELECT pg_advisory_lock_shared(4711)", soon()));
  sql("INSERT INTO eventbus_queue_claims VALUES ('q', 4711, false, now() + interval '45 seconds')");
  control("delete_queue", {"q"});
  pass(Millis{500});
  EXPECT_NE(refusal([this] { publish_many(1); }), "none");
  third.reset();
  const auto published = [this] { return refusal([this] { publish_many(1); }) == "none"; };
  for (const Wait wait("publishing to go on"); !published(); wait.go_on()) pass(Millis{50});
  const auto last = event_ids(receive_all("also")).back();
  EXPECT_EQ(event_ids(receive_all("q")).back(), last);
}

TEST_P(RabbitMqInstances, ARemovalThatFailedIsFinishedByTheNextOne) {
  declare(queue("q"));
  publish_many(1);
  amqp::TestServer::shared().freeze();
  EXPECT_NE(refusal([this] { EXPECT_TRUE(run(broker().remove("q"))); }), "none");
  amqp::TestServer::shared().thaw();
  const auto removed = [this] { return refusal([this] { EXPECT_TRUE(run(broker().remove("q"))); }) == "none"; };
  for (const Wait wait("the queue to be removed"); !removed(); wait.go_on()) pass(Millis{50});
  EXPECT_EQ(control("list_queues", {"--no-table-headers", "name"}), "");
  EXPECT_EQ(postgres::TestServer::ask(place().database, "SELECT count(*) FROM eventbus_queues"), "0");
}

TEST_P(RabbitMqInstances, ARemovalWhileRabbitMqIsAwayStopsNobody) {
  declare(queue("q"));
  control("clear_permissions", {"guest"});
  amqp::TestServer::shared().control({"close_all_connections", "-p", place().virtual_host, "test"});
  EXPECT_NE(refusal([this] { EXPECT_TRUE(run(broker().remove("q"))); }), "none");
  EXPECT_EQ(postgres::TestServer::ask(place().database, "SELECT count(*) FROM eventbus_queue_claims"), "0");
  control("set_permissions", {"guest", ".*", ".*", ".*"});
  const auto published = [this] { return refusal([this] { publish_many(1); }) == "none"; };
  for (const Wait wait("RabbitMQ to let us in"); !published(); wait.go_on()) pass(Millis{50});
  EXPECT_THAT(receive_at_other(Millis{20000}), testing::Not(IsEmpty()));
}

TEST_P(RabbitMqInstances, AQueueThatRabbitMqRefusesToMakeCanBeRemoved) {
  declare(queue("q"));
  EXPECT_TRUE(run(other().info("q")));
  control("set_vhost_limits", {R"({"max-queues": 1})"});
  control("delete_queue", {"q"});
  pass(Millis{1000});
  EXPECT_EQ(control("list_queues", {"--no-table-headers", "name"}), "q.dlq\n");
  EXPECT_TRUE(run(other().remove("q")));
  EXPECT_EQ(control("list_queues", {"--no-table-headers", "name"}), "");
}

TEST_P(RabbitMqInstances, NoDelayQueueIsMadeWhileAnotherWorksOnTheQueue) {
  auto definition = queue("q");
  definition.retry.delay = Millis{2000};
  declare(std::move(definition));
  publish();
  const auto taken = receive("q", 1, Millis{20000});
  ASSERT_THAT(taken, SizeIs(1));
  auto third = session();
  run(third->script("SELECT pg_advisory_lock_shared(4711)", soon()));
  sql("INSERT INTO eventbus_queue_claims VALUES ('q', 4711, false, now() + interval '45 seconds')");
  const auto later = [&] {
    run(broker().nack("q", {taken[0].delivery_id}, {.requeue = true, .delay = Millis{60000}, .reason = {}})).value();
  };
  EXPECT_NE(refusal(later), "none");
  EXPECT_THAT(control("list_queues", {"--no-table-headers", "name"}), testing::Not(HasSubstr("retry")));
  third.reset();
  const auto again = receive("q", 1, Millis{60000});
  ASSERT_THAT(again, SizeIs(1));
  EXPECT_EQ(again[0].attempt, 2);
  EXPECT_THAT(control("list_queues", {"--no-table-headers", "name"}), HasSubstr("q.retry."));
}

TEST_P(RabbitMqInstances, AReceiveThatWaitsGoesOnWhenTheQueueIsKeptAfterAll) {
  declare(queue("q"));
  EXPECT_THAT(receive_at_other(Millis{1}), IsEmpty());
  auto third = session();
  run(third->script("SELECT pg_advisory_lock_shared(4711)", soon()));
  claim_removal("45 seconds");
  auto waiting =
      asio::co_spawn(loop, other().receive("q", 1, std::chrono::steady_clock::now() + Millis{60000}), asio::use_future);
  pass(Millis{500});
  sql("DELETE FROM eventbus_queue_claims");
  publish_many(1);
  EXPECT_THAT(event_ids(result_of(loop, std::move(waiting), "the waiting receive").value()), ElementsAre("e1"));
}

TEST_P(RabbitMqInstances, AQueueThatIsDeclaredOtherwiseAfterADeletionIsAnother) {
  declare(queue("q"));
  publish_many(2);
  EXPECT_THAT(receive_at_other(Millis{20000}), testing::Not(IsEmpty()));
  EXPECT_TRUE(run(broker().remove("q")));
  auto ordered = queue("q");
  ordered.ordered = true;
  declare(ordered);
  const auto seen = [this] {
    const auto there = run(other().info("q"));
    return there && there->definition.ordered;
  };
  for (const Wait wait("the other instance to see the new queue"); !seen(); wait.go_on()) pass(Millis{10});
  publish({.key = "k"});
  publish({.key = "k"});
  EXPECT_THAT(event_ids(receive_at_other(Millis{20000})), ElementsAre("e3"));
}

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
  const Ids strangers{"nonsense", encode(rabbitmq::DeliveryId{.instance = 4711, .serial = 1}),
                      *owners.begin() + "-fffff", *owners.rbegin() + "-fffff"};
  auto ids = delivery_ids(all);
  ids.insert(ids.begin() + 10, strangers.begin(), strangers.end());
  const auto settled = ack_at_other(std::move(ids));
  EXPECT_EQ(settled.settled, 20);
  EXPECT_THAT(settled.unknown, UnorderedElementsAreArray(strangers));
  EXPECT_EQ(info("q").in_flight + run(other().info("q")).value().in_flight, 0);
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
  const auto id = encode(rabbitmq::DeliveryId{.instance = 4711, .serial = 1});
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
