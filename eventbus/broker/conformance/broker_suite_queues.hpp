#pragma once

#include "eventbus/broker/conformance/broker_suite.hpp"

/// Queues as such: routing, declarations, limits, purge, pause, removal, dead letters.
namespace eventbus {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

TEST_P(BrokerConformance, RoutesByExchangeAndTopic) {
  declare(queue("all"));
  declare(queue("users", "user.*"));
  auto other = queue("other", "user.#");
  other.bindings = {{"audit", "user.#"}, {"audit", "user.created"}, {"events", "order.created"}};
  declare(other);
  publish({.type = "user.created"});
  publish({.type = "user.created.eu"});
  publish({.type = "order.created"});
  publish({.type = "user.created", .exchange = "audit"});
  EXPECT_EQ(event_ids(receive_all("all")), (Ids{"e1", "e2", "e3"}));
  EXPECT_EQ(event_ids(receive_all("users")), Ids{"e1"});
  EXPECT_EQ(event_ids(receive_all("other")), (Ids{"e3", "e4"}));
}

TEST_P(BrokerConformance, StartsANewQueueWhereItWasAsked) {
  for (int minute = 1; minute <= 6; ++minute) publish({.timestamp = Timestamp{std::chrono::minutes{minute % 4}}});
  auto beginning = queue("beginning");
  beginning.start_from.kind = StartFrom::Kind::beginning;
  auto time = queue("time");
  time.start_from = {StartFrom::Kind::time, Timestamp{std::chrono::minutes{2}}};
  for (const auto& definition : {queue("now"), beginning, time}) declare(definition);
  publish({.timestamp = Timestamp{}});
  EXPECT_EQ(event_ids(receive_all("now")), Ids{"e7"});
  EXPECT_EQ(event_ids(receive_all("beginning")), (Ids{"e1", "e2", "e3", "e4", "e5", "e6", "e7"}));
  EXPECT_EQ(event_ids(receive_all("time")), (Ids{"e2", "e3", "e6", "e7"}));
}

TEST_P(BrokerConformance, BackfillsWithoutGapOrRepeatWhileEventsArrive) {
  const auto past = publish_many(40);
  auto definition = queue("q");
  definition.start_from.kind = StartFrom::Kind::beginning;
  declare(definition);
  Ids expected = past;
  Ids received;
  for (const Wait wait("the queue to be drained");; wait.go_on()) {
    if (expected.size() < 60) expected.push_back(publish());
    const auto some = receive("q", 3);
    if (some.empty()) break;
    for (const auto& id : event_ids(some)) received.push_back(id);
    ack("q", some);
    if (received.size() == 21) restart();
  }
  EXPECT_EQ(received, expected);
  EXPECT_EQ(info("q").ready + info("q").in_flight, 0u);
}

TEST_P(BrokerConformance, DeclaresIdempotentlyAndChangesInPlace) {
  auto definition = queue("q");
  EXPECT_EQ(declare(definition), DeclareOutcome::created);
  EXPECT_EQ(declare(definition), DeclareOutcome::unchanged);
  definition.lease = Millis{5000};
  definition.max_length = 7;
  EXPECT_EQ(declare(definition), DeclareOutcome::updated);
  restart();
  EXPECT_EQ(info("q").definition, definition);
  auto ordered = definition;
  ordered.ordered = true;
  ordered.start_from.kind = StartFrom::Kind::beginning;
  const auto refused = run(broker().declare(ordered));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::queue_conflict);
  EXPECT_THAT(refused.error().fields, SizeIs(2));
  EXPECT_EQ(info("q").definition, definition);
}

TEST_P(BrokerConformance, RoutesByTheBindingsOfTheTimeOfPublishing) {
  declare(queue("q", "user.*"));
  for (const char* type : {"user.a", "order.a", "user.b", "order.b"}) publish({.type = type});
  declare(queue("q", "order.*"));
  for (const char* type : {"user.c", "order.c"}) publish({.type = type});
  restart();
  EXPECT_EQ(info("q").ready, 3u);
  EXPECT_EQ(event_ids(receive_all("q")), (Ids{"e1", "e3", "e6"}));
}

TEST_P(BrokerConformance, RefusesPublishesToAFullQueue) {
  auto definition = queue("q", "user.*");
  definition.max_length = 3;
  declare(definition);
  publish_many(1);
  EXPECT_EQ(info("q").ready, 1u);  // with RabbitMQ, lengths are as of the last look at the server
  auto place = broker().admit("events", "user.created", 2);
  ASSERT_TRUE(place);
  EXPECT_NE(*place, nullptr);
  EXPECT_EQ(broker().admit("events", "user.created", 1).error().code, ErrorCode::queue_full);
  EXPECT_EQ(broker().admit("events", "order.created", 9).value(), nullptr);
  place->reset();
  EXPECT_FALSE(broker().admit("events", "user.created", 3));
  EXPECT_TRUE(broker().admit("events", "user.created", 2));
  ack("q", receive("q"));
  EXPECT_TRUE(broker().admit("events", "user.created", 3));
}

TEST_P(BrokerConformance, CountsWhatWaitsAgainstTheLimitAndNotWhatIsInFlight) {
  auto definition = queue("q");
  definition.max_length = 3;
  declare(definition);
  publish_many(3);
  const auto taken = receive("q", 2);
  ASSERT_THAT(taken, SizeIs(2));
  EXPECT_EQ(info("q").in_flight, 2u);
  EXPECT_TRUE(broker().admit("events", "user.created", 2));
  EXPECT_FALSE(broker().admit("events", "user.created", 3));
  nack("q", {taken[0]}, {.requeue = true, .delay = Millis{60000}, .reason = {}});
  EXPECT_EQ(info("q").delayed, 1u);
  EXPECT_TRUE(broker().admit("events", "user.created", 1));
  EXPECT_FALSE(broker().admit("events", "user.created", 2));
}

TEST_P(BrokerConformance, DropsTheOldestOfAFullQueueIntoTheDeadLetters) {
  auto definition = queue("q");
  definition.max_length = 2;
  definition.overflow = Overflow::drop_oldest;
  declare(definition);
  publish_many(5);
  pass(Millis{1});
  EXPECT_EQ(info("q").ready, 2u);
  EXPECT_THAT(dead_letters("q"), ElementsAre("e1 max_length 0", "e2 max_length 0", "e3 max_length 0"));
  EXPECT_EQ(event_ids(receive_all("q")), (Ids{"e4", "e5"}));
}

TEST_P(BrokerConformance, PurgesAllButWhatIsInFlight) {
  declare(queue("q"));
  publish_many(12);
  const auto taken = receive("q", 3);
  nack("q", {taken[0]}, {.requeue = true, .delay = Millis{5000}, .reason = {}});
  EXPECT_EQ(run(broker().purge("q")).value(), 10u);
  EXPECT_EQ(info("q").ready + info("q").delayed, 0u);
  EXPECT_EQ(info("q").in_flight, 2u);
  EXPECT_THAT(receive("q"), IsEmpty());
  publish();
  EXPECT_EQ(event_ids(receive_all("q")), Ids{"e13"});
  ack("q", {taken[1].delivery_id});
  restart();
  EXPECT_EQ(event_ids(receive_all("q")), (Ids{"e3", "e13"}));
}

TEST_P(BrokerConformance, PausesDeliveriesAcrossARestart) {
  declare(queue("q"));
  publish();
  ASSERT_TRUE(run(broker().set_paused("q", true)));
  EXPECT_THAT(receive("q"), IsEmpty());
  restart();
  EXPECT_TRUE(info("q").paused);
  publish();
  EXPECT_THAT(receive("q"), IsEmpty());
  EXPECT_EQ(info("q").ready, 2u);
  ASSERT_TRUE(run(broker().set_paused("q", false)));
  EXPECT_EQ(event_ids(receive_all("q")), (Ids{"e1", "e2"}));
}

TEST_P(BrokerConformance, RemovesAQueueWithEverythingInIt) {
  declare(queue("q"));
  publish_many(3);
  nack("q", receive("q", 1), {.requeue = false, .delay = {}, .reason = {}});
  const auto old = receive("q", 1).at(0);
  ASSERT_TRUE(run(broker().remove("q")));
  EXPECT_EQ(run(broker().info("q")).error().code, ErrorCode::unknown_queue);
  declare(queue("q"));
  EXPECT_THAT(dead_letters("q"), IsEmpty());
  EXPECT_THAT(ack("q", {old.delivery_id}).unknown, SizeIs(1));
  restart();
  EXPECT_THAT(receive("q"), IsEmpty());
  EXPECT_THAT(broker().last_known(), SizeIs(1));
}

TEST_P(BrokerConformance, EndsWaitingReceivesOfARemovedQueue) {
  declare(queue("q"));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::hours{1};
  auto waiting = asio::co_spawn(loop, broker().receive("q", {1}, deadline), asio::use_future);
  run_until(loop, "a consumer", [this] { return info("q").consumers == 1; });
  ASSERT_TRUE(run(broker().remove("q")));
  EXPECT_EQ(result_of(loop, std::move(waiting), "the end of a receive").error().code, ErrorCode::unknown_queue);
}

TEST_P(BrokerConformance, KnowsNoQueueThatWasNotDeclared) {
  const auto code = [this]<class T>(asio::awaitable<Result<T>> work) { return run(std::move(work)).error().code; };
  const auto soon = std::chrono::steady_clock::now();
  EXPECT_EQ(code(broker().remove("x")), ErrorCode::unknown_queue);
  EXPECT_EQ(code(broker().purge("x")), ErrorCode::unknown_queue);
  EXPECT_EQ(code(broker().set_paused("x", true)), ErrorCode::unknown_queue);
  EXPECT_EQ(code(broker().receive("x", {1}, soon)), ErrorCode::unknown_queue);
  EXPECT_EQ(code(broker().ack("x", {})), ErrorCode::unknown_queue);
  EXPECT_EQ(code(broker().nack("x", {}, {})), ErrorCode::unknown_queue);
  EXPECT_EQ(code(broker().extend("x", {}, Millis{1})), ErrorCode::unknown_queue);
  EXPECT_EQ(code(broker().dead_letters("x", {}, 1)), ErrorCode::unknown_queue);
  EXPECT_EQ(code(broker().redrive("x", {}, 0, false)), ErrorCode::unknown_queue);
  EXPECT_EQ(code(broker().delete_dead_letters("x", {}, 0, false)), ErrorCode::unknown_queue);
}

TEST_P(BrokerConformance, RedrivesIntoAQueueThatRefusesWhatItHasRoomFor) {
  auto definition = queue("q");
  definition.max_length = 5;
  definition.overflow = Overflow::reject;
  declare(definition);
  publish_many(4);
  nack("q", receive_all("q"), {.requeue = false, .delay = {}, .reason = {}});
  publish_many(3);
  const DeadLetterSelection all{.event_ids = {}, .reason = {}, .all = true};
  const RedriveOutcome two{.matched = 4, .redriven = 2};
  EXPECT_EQ(run(broker().redrive("q", all, 0, true)).value(), two);
  EXPECT_EQ(info("q").dead_letters, 4u);
  EXPECT_EQ(run(broker().redrive("q", all, 0, false)).value(), two);
  EXPECT_EQ(info("q").ready, 5u);
  EXPECT_EQ(info("q").dead_letters, 2u);
  EXPECT_EQ(run(broker().redrive("q", all, 0, false)).value(), (RedriveOutcome{.matched = 2, .redriven = 0}));
  EXPECT_EQ(broker().admit("events", "user.created", 1).error().code, ErrorCode::queue_full);
  EXPECT_EQ(ack("q", receive("q", {1}, test_patience)).settled, 1u);
  EXPECT_EQ(info("q").ready, 4u);
  EXPECT_EQ(run(broker().redrive("q", all, 100, false)).value(), (RedriveOutcome{.matched = 2, .redriven = 1}));
  run_until(loop, "the other one to follow", [this] { return info("q").ready == 5 && info("q").dead_letters == 1; });
}

TEST_P(BrokerConformance, APacedRedriveKeepsNobodyOutOfTheQueueMeanwhile) {
  auto definition = queue("q");
  definition.max_length = 4;
  definition.overflow = Overflow::reject;
  declare(definition);
  publish_many(4);
  nack("q", receive_all("q"), {.requeue = false, .delay = {}, .reason = {}});
  const DeadLetterSelection all{.event_ids = {}, .reason = {}, .all = true};
  EXPECT_EQ(run(broker().redrive("q", all, 10, false)).value(), (RedriveOutcome{.matched = 4, .redriven = 4}));
  run_until(loop, "the first one", [this] { return info("q").ready > 0; });
  EXPECT_TRUE(broker().admit("events", "user.created", 1)) << "the others wait for their time";
  publish();
  Ids came;
  run_until(loop, "all of them", [&] {
    EXPECT_LE(info("q").ready, 4u);
    const auto taken = receive("q", 1);
    EXPECT_EQ(ack("q", taken).settled, taken.size());
    std::ranges::move(event_ids(taken), std::back_inserter(came));
    return came.size() == 5;
  });
  run_until(loop, "all places to be free",
            [this] { return info("q").dead_letters == 0 && broker().admit("events", "user.created", 4); });
}

TEST_P(BrokerConformance, RedrivesAndDeletesTheDeadLettersThatAreAsked) {
  declare(queue("q"));
  publish_many(6);
  const auto deliveries = receive_all("q");
  for (std::size_t index = 0; index < 6; ++index) {
    nack("q", {deliveries[index]}, {.requeue = false, .delay = {}, .reason = index < 3 ? "a" : "b"});
  }
  const auto redrive = [this](DeadLetterSelection selection, bool dry_run) {
    const auto outcome = run(broker().redrive("q", std::move(selection), 0, dry_run)).value();
    EXPECT_EQ(outcome.matched, outcome.redriven);
    return outcome.matched;
  };
  const DeadLetterSelection some{.event_ids = {"e2", "e5", "e5", "unheard-of"}, .reason = {}, .all = false};
  EXPECT_EQ(redrive(some, true), 2u);
  EXPECT_EQ(info("q").dead_letters, 6u);
  EXPECT_EQ(redrive(some, false), 2u);
  EXPECT_EQ(redrive({.event_ids = {}, .reason = "b", .all = false}, false), 2u);
  const auto again = receive_all("q");
  EXPECT_THAT(event_ids(again), UnorderedElementsAreArray({"e2", "e4", "e5", "e6"}));
  for (const auto& delivery : again) EXPECT_EQ(delivery.attempt, 1u);
  ack("q", again);
  restart();
  EXPECT_THAT(receive("q"), IsEmpty());
  EXPECT_EQ(run(broker().delete_dead_letters("q", {.event_ids = {"e1"}, .reason = {}, .all = false}, 0, false)).value(),
            1u);
  EXPECT_THAT(dead_letters("q"), ElementsAre("e3 a 1"));
  EXPECT_EQ(redrive({.event_ids = {}, .reason = {}, .all = true}, false), 1u);
  restart();
  EXPECT_EQ(event_ids(receive_all("q")), Ids{"e3"});
  EXPECT_EQ(info("q").dead_letters, 0u);
}

TEST_P(BrokerConformance, SaysHowOldTheOldestEventIs) {
  declare(queue("q"));
  EXPECT_FALSE(info("q").oldest_since);
  publish();
  const auto first = receive("q");
  publish();
  EXPECT_EQ(info("q").oldest_since, first[0].event.stored_at);
  ack("q", first);
  EXPECT_GE(info("q").oldest_since, first[0].event.stored_at);
  ack("q", receive("q"));
  EXPECT_FALSE(info("q").oldest_since);
}

}  // namespace eventbus
