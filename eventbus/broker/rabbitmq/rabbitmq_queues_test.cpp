// Two instances on the same servers: queues are made, filled, declared otherwise and removed by both.
#include "eventbus/broker/rabbitmq/rabbitmq_instances_under_test.hpp"

namespace eventbus {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

using RabbitMqQueues = RabbitMqInstances;

INSTANTIATE_TEST_SUITE_P(RabbitMq, RabbitMqQueues, testing::Values(BrokerCase{"rabbitmq", make_first}), broker_case);

TEST_P(RabbitMqQueues, OneOfThemPutsThePastIntoAQueue) {
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

TEST_P(RabbitMqQueues, AnOrderedQueueIsDeliveredOnceItsPastIsComplete) {
  publish_many(2);
  auto past = queue("q");
  past.ordered = true;
  past.start_from.kind = StartFrom::Kind::beginning;
  declare(past);
  // As if a third instance had put the first into it and bound it.
  change_queues("backfilled_to = 1, backfilled_by = 1, backfill_claimed_until = now() + interval '25 seconds'");
  pass(Millis{200});
  publish_many(1);
  EXPECT_THAT(receive("q", {10}, Millis{500}), IsEmpty());
  EXPECT_THAT(receive_at_other(Millis{500}), IsEmpty());
  past.bindings.front().routing_key = "user.*";
  EXPECT_EQ(run(broker().declare(past)), DeclareOutcome::updated);
  EXPECT_THAT(control("list_bindings", {"routing_key"}), testing::Not(HasSubstr("user.*"))) << "not bound early";
  auto waiting = asio::co_spawn(loop, other().receive("q", {10}, std::chrono::steady_clock::now() + test_patience),
                                asio::use_future);
  pass(Millis{100});
  change_queues("backfilled_to = NULL, backfilled_by = NULL");
  EXPECT_THAT(result_of(loop, std::move(waiting), "the waiting receive").value(), testing::Not(IsEmpty()));
  const auto bound = [this] { return control("list_bindings", {"routing_key"}); };
  for (const Wait wait("the queue to be bound"); !bound().contains("user.*"); wait.go_on()) pass(Millis{50});
}

TEST_P(RabbitMqQueues, BindingsAreThoseOfTheLastDeclaration) {
  auto declared = queue("q");
  for (int round = 0; round < 100; ++round) {
    declared.bindings.front().routing_key = "k" + std::to_string(round);
    EXPECT_EQ(run((round % 2 == 0 ? broker() : other()).declare(declared)),
              round == 0 ? DeclareOutcome::created : DeclareOutcome::updated);
  }
  pass(Millis{500});
  const auto bound = control("list_bindings", {"source_name", "routing_key"});
  EXPECT_THAT(bound, HasSubstr("events\tk99\n"));
  EXPECT_EQ(std::ranges::count(bound, 'k'), 1) << bound;
}

TEST_P(RabbitMqQueues, WhatOneRemovesNobodyMakesAgain) {
  constexpr std::string_view later = "queue 'q' is being made or deleted just now. Try again in a few seconds.";
  declare(queue("q"));
  EXPECT_TRUE(run(other().info("q")));
  for (const std::string lapse : {"", "now()", "now() + interval '1 hour'"}) {
    // As if a third instance were at it …
    auto third = session();
    run(third->script("SELECT pg_advisory_lock_shared(4711)", soon()));
    claim_removal("45 seconds");
    pass(Millis{200});
    for (const std::string name : {"q", "q.dlq"}) {
      control("delete_queue", {name});
      claim_removal("45 seconds");  // a claim lasts no longer, and that may have taken its time
    }
    pass(Millis{300});
    EXPECT_EQ(run(broker().info("q")).value().ready, 0);
    EXPECT_THAT(receive_at_other(Millis{300}), IsEmpty());
    EXPECT_EQ(control("list_queues", {"--no-table-headers", "name"}), "");
    // … and died, stood still, or the server's clock was set back.
    if (lapse.empty()) {
      claim_removal("45 seconds");
      EXPECT_THAT(refusal([this] { declare(queue("q")); }), HasSubstr(later));
      claim_removal("45 seconds");
      EXPECT_THAT(refusal([this] { EXPECT_TRUE(run(other().remove("q"))); }), HasSubstr(later));
      end(third);
    } else {
      sql("UPDATE eventbus_queue_claims SET until = " + lapse);
    }
    const auto bound = [this] { return control("list_bindings", {"source_name", "destination_name"}); };
    for (const Wait wait("the queue to be there again"); !bound().contains("events\tq\n"); wait.go_on())
      pass(Millis{50});
    publish_many(1);
    EXPECT_EQ(ack("q", receive("q", {1}, Millis{20000})).settled, 1) << lapse;
  }
  EXPECT_TRUE(run(other().remove("q")));
  EXPECT_EQ(run(broker().remove("q")).error().code, ErrorCode::unknown_queue);
  EXPECT_EQ(control("list_queues", {"--no-table-headers", "name"}), "");
}

TEST_P(RabbitMqQueues, NothingIsPublishedPastAQueueThatAnotherMakes) {
  declare(queue("q"));
  declare(queue("also"));
  auto third = session();
  run(third->script("SELECT pg_advisory_lock_shared(4711)", soon()));
  sql("INSERT INTO eventbus_queue_claims VALUES ('q', 4711, false, now() + interval '45 seconds')");
  control("delete_queue", {"q"});
  std::string refused;
  const auto published = [&] { return (refused = refusal([this] { publish_many(1); })) == "none"; };
  for (const Wait wait("the deletion to be noticed"); published(); wait.go_on()) pass(Millis{50});
  EXPECT_THAT(refused, HasSubstr("being made or deleted"));
  end(third);
  for (const Wait wait("publishing to go on"); !published(); wait.go_on()) pass(Millis{50});
  const auto in_both = receive("q", {1}, test_patience);
  ASSERT_THAT(in_both, SizeIs(1));
  EXPECT_THAT(event_ids(receive_all("also")), testing::Contains(event_ids(in_both).front()));
}

TEST_P(RabbitMqQueues, AllOfThemDeliverFromAQueueThatOneMadeAgain) {
  declare(queue("q"));
  std::vector<std::future<Result<std::vector<Delivery>>>> receives;
  for (auto* one : {&broker(), &other()})
    receives.push_back(
        asio::co_spawn(loop, one->receive("q", {1}, soon() + std::chrono::minutes{10}), asio::use_future));
  auto& server = amqp::TestServer::shared();
  for (const Wait wait("both to consume"); server.freeze_consuming(place().virtual_host) < 2; wait.go_on()) {
    server.thaw_consuming(place().virtual_host);
    pass(Millis{50});
  }
  control("delete_queue", {"q"});
  const auto made = [&] { return ("\n" + control("list_queues", {"--no-table-headers", "name"})).contains("\nq\n"); };
  for (const Wait wait("the queue to be made again"); !made(); wait.go_on()) pass(Millis{50});
  server.thaw_consuming(place().virtual_host);
  Ids published;
  Ids arrived;
  const auto note = [&arrived](const std::vector<Delivery>& taken) {
    std::ranges::copy(event_ids(taken), std::back_inserter(arrived));
  };
  for (auto& received : receives) {
    for (const Wait wait("an event for each"); received.wait_for(Millis{0}) != std::future_status::ready; wait.go_on())
      published.push_back(publish());
    note(received.get().value());
  }
  for (const Wait wait("the others"); arrived.size() < published.size(); wait.go_on()) {
    note(receive("q"));
    note(receive_at_other(Millis{0}));
  }
  EXPECT_THAT(arrived, testing::UnorderedElementsAreArray(published));
}

TEST_P(RabbitMqQueues, ARemovalThatFailedIsFinishedByTheNextOne) {
  declare(queue("q"));
  publish_many(1);
  amqp::TestServer::shared().freeze();
  EXPECT_NE(refusal([this] { EXPECT_TRUE(run(broker().remove("q"))); }), "none");
  EXPECT_EQ(claims(), "1");
  amqp::TestServer::shared().thaw();
  const auto removed = [this] { return refusal([this] { EXPECT_TRUE(run(broker().remove("q"))); }) == "none"; };
  for (const Wait wait("the queue to be removed"); !removed(); wait.go_on()) pass(Millis{50});
  EXPECT_EQ(control("list_queues", {"--no-table-headers", "name"}), "");
  EXPECT_EQ(postgres::TestServer::ask(place().database, "SELECT count(*) FROM eventbus_queues"), "0");
}

TEST_P(RabbitMqQueues, ARemovalWhileRabbitMqIsAwayStopsNobody) {
  declare(queue("q"));
  control("clear_permissions", {"guest"});
  amqp::TestServer::shared().control({"close_all_connections", "-p", place().virtual_host, "test"});
  const auto away = [this] { return refusal([this] { EXPECT_TRUE(run(broker().info("q"))); }) != "none"; };
  for (const Wait wait("the connection to end"); !away(); wait.go_on()) pass(Millis{10});
  EXPECT_NE(refusal([this] { EXPECT_TRUE(run(broker().remove("q"))); }), "none");
  EXPECT_EQ(claims(), "0");
  control("set_permissions", {"guest", ".*", ".*", ".*"});
  const auto published = [this] { return refusal([this] { publish_many(1); }) == "none"; };
  for (const Wait wait("RabbitMQ to let us in"); !published(); wait.go_on()) pass(Millis{50});
  const auto other_is_in = [this] { return refusal([this] { EXPECT_TRUE(run(other().info("q"))); }) == "none"; };
  for (const Wait wait("RabbitMQ to let the other in"); !other_is_in(); wait.go_on()) pass(Millis{50});
  EXPECT_THAT(receive_at_other(Millis{20000}), testing::Not(IsEmpty()));
}

TEST_P(RabbitMqQueues, AQueueThatRabbitMqRefusesToMakeCanBeRemoved) {
  declare(queue("q"));
  EXPECT_TRUE(run(other().info("q")));
  control("set_vhost_limits", {R"({"max-queues": 1})"});
  control("delete_queue", {"q"});
  pass(Millis{1000});
  EXPECT_EQ(control("list_queues", {"--no-table-headers", "name"}), "q.dlq\n");
  const auto removed = [this] { return refusal([this] { EXPECT_TRUE(run(other().remove("q"))); }) == "none"; };
  for (const Wait wait("the queue to be removed"); !removed(); wait.go_on()) pass(Millis{10});
  EXPECT_EQ(control("list_queues", {"--no-table-headers", "name"}), "");
}

TEST_P(RabbitMqQueues, NoDelayQueueIsMadeWhileAnotherWorksOnTheQueue) {
  auto definition = queue("q");
  definition.retry.delay = Millis{2000};
  declare(std::move(definition));
  publish();
  const auto taken = receive("q", {1}, Millis{20000});
  ASSERT_THAT(taken, SizeIs(1));
  auto third = session();
  run(third->script("SELECT pg_advisory_lock_shared(4711)", soon()));
  sql("INSERT INTO eventbus_queue_claims VALUES ('q', 4711, false, now() + interval '45 seconds')");
  const auto later = [&] {
    run(broker().nack("q", {taken[0].delivery_id}, {.requeue = true, .delay = Millis{60000}, .reason = {}})).value();
  };
  EXPECT_THAT(refusal(later), HasSubstr("being made or deleted"));
  EXPECT_THAT(control("list_queues", {"--no-table-headers", "name"}), testing::Not(HasSubstr("retry")));
  end(third);
  const auto again = receive("q", {1}, Millis{60000});
  ASSERT_THAT(again, SizeIs(1));
  EXPECT_EQ(again[0].attempt, 2);
  EXPECT_THAT(control("list_queues", {"--no-table-headers", "name"}), HasSubstr("q.retry."));
}

TEST_P(RabbitMqQueues, ADelayQueueThatAnotherIsAboutToMakeIsKeptInMind) {
  declare(queue("q"));
  auto third = session();
  run(third->script("SELECT pg_advisory_lock_shared(4711)", soon()));
  sql("INSERT INTO eventbus_queue_claims VALUES ('q', 4711, false, now() + interval '45 seconds')");
  change_queues("retry_delays_ms = '{60000}'");
  const auto noted = [this] {
    run(broker().list());  // what others changed
    info("q");
    return postgres::TestServer::ask(place().database, "SELECT retry_delays_ms FROM eventbus_queues");
  };
  EXPECT_EQ(noted(), "{60000}");
  sql("DELETE FROM eventbus_queue_claims");
  for (const Wait wait("a delay queue that nobody makes to be forgotten"); noted() != "{}"; wait.go_on())
    pass(Millis{50});
}

TEST_P(RabbitMqQueues, AReceiveThatWaitsGoesOnWhenTheQueueIsKeptAfterAll) {
  declare(queue("q"));
  EXPECT_THAT(receive_at_other(Millis{1}), IsEmpty());
  auto third = session();
  run(third->script("SELECT pg_advisory_lock_shared(4711)", soon()));
  claim_removal("45 seconds");
  auto waiting = asio::co_spawn(loop, other().receive("q", {1}, std::chrono::steady_clock::now() + Millis{60000}),
                                asio::use_future);
  pass(Millis{500});
  sql("DELETE FROM eventbus_queue_claims");
  publish_many(1);
  EXPECT_THAT(event_ids(result_of(loop, std::move(waiting), "the waiting receive").value()), ElementsAre("e1"));
}

TEST_P(RabbitMqQueues, AQueueThatIsDeclaredOtherwiseAfterADeletionIsAnother) {
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

}  // namespace
}  // namespace eventbus
