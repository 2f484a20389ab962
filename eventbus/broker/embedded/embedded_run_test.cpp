#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/detached.hpp>
#include <set>

#include "eventbus/broker/embedded/embedded_under_test.hpp"

namespace eventbus {
namespace {

using testing::IsEmpty;
using testing::SizeIs;
using SteadyClock = std::chrono::steady_clock;

std::unique_ptr<BrokerUnderTest> make_small(asio::io_context& loop) {
  BrokerSettings settings;
  settings.window = 16;
  settings.cache_bytes = 20000;
  settings.checkpoint_events = 100;
  return std::make_unique<EmbeddedUnderTest>(loop, settings);
}

std::unique_ptr<BrokerUnderTest> make_few(asio::io_context& loop) {
  BrokerSettings settings;
  settings.max_outstanding = 400;
  return std::make_unique<EmbeddedUnderTest>(loop, settings);
}

class EmbeddedRun : public BrokerSuite {
 protected:
  EmbeddedUnderTest& fixture() { return dynamic_cast<EmbeddedUnderTest&>(*under_test); }
};

TEST_P(EmbeddedRun, WakesAReceiveWhenARetryFallsDue) {
  fixture().use_real_clock();
  declare(queue("q"));
  publish();
  nack("q", receive("q"), {.requeue = true, .delay = Millis{20}, .reason = {}});
  auto running = asio::co_spawn(loop, broker().run(), asio::use_future);
  EXPECT_EQ(receive("q", {1}, std::chrono::hours{1}).at(0).attempt, 2u);
  broker().stop();
  result_of(loop, std::move(running), "the end of the broker");
}

TEST_P(EmbeddedRun, UnderstandsAcknowledgementsFromBeforeARestart) {
  declare(queue("q"));
  const auto ids = publish_many(6);
  const auto before = receive_all("q");
  restart();
  EXPECT_EQ(ack("q", {before[4].delivery_id, before[0].delivery_id}).settled, 2u);
  EXPECT_EQ(info("q").ready, 4u);
  restart();
  EXPECT_EQ(event_ids(receive_all("q")), (Ids{ids[1], ids[2], ids[3], ids[5]}));
}

TEST_P(EmbeddedRun, KeepsDueTimesWhenTheClockIsSetBackBeforeARestart) {
  auto definition = queue("q");
  definition.message_ttl = Millis{10000};
  declare(queue("retries"));
  declare(definition);
  const auto ids = publish_many(40);  // more than the window holds
  ASSERT_EQ(nack("retries", receive_all("retries"), {.requeue = true, .delay = Millis{2000}, .reason = {}}).settled,
            40);
  ASSERT_EQ(ack("q", {receive("q", 5)[4].delivery_id}).settled, 1);
  fixture().set_clock_back(std::chrono::hours{1});
  restart();
  EXPECT_THAT(receive_all("retries"), IsEmpty());
  pass(Millis{2001});
  EXPECT_THAT(receive_all("retries"), SizeIs(40));
  pass(Millis{8000});
  EXPECT_THAT(receive("q"), IsEmpty());
  EXPECT_THAT(dead_letters("q"), SizeIs(39));
}

TEST_P(EmbeddedRun, EndsWaitingReceivesWhenItStops) {
  declare(queue("q"));
  auto waiting =
      asio::co_spawn(loop, broker().receive("q", {1}, SteadyClock::now() + std::chrono::hours{1}), asio::use_future);
  run_until(loop, "a consumer", [this] { return info("q").consumers == 1; });
  broker().stop();
  EXPECT_THAT(result_of(loop, std::move(waiting), "the end of a receive").value(), IsEmpty());
  EXPECT_THAT(receive("q", {1}, std::chrono::hours{1}), IsEmpty());
}

TEST_P(EmbeddedRun, SharesABurstAmongWaitingReceives) {
  declare(queue("q"));
  std::vector<std::future<Result<std::vector<Delivery>>>> waiting;
  waiting.reserve(4);
  for (int number = 0; number < 4; ++number) {
    waiting.push_back(asio::co_spawn(loop, broker().receive("q", {100}, SteadyClock::now() + std::chrono::hours{1}),
                                     asio::use_future));
  }
  run_until(loop, "four consumers", [this] { return info("q").consumers == 4; });
  publish_burst(8);
  for (auto& receive : waiting)
    EXPECT_THAT(result_of(loop, std::move(receive), "a consumer's share").value(), SizeIs(2));
}

TEST_P(EmbeddedRun, WhatACreditDoesNotPayForGoesToWhoWaits) {
  declare(queue("q"));
  const auto ids = publish_many(3);
  restart();
  pass(Millis{0});  // what waits is known, but its bodies are read while another receive comes
  auto first =
      asio::co_spawn(loop, broker().receive("q", {.events = 3, .bytes = 1}, SteadyClock::now()), asio::use_future);
  auto second =
      asio::co_spawn(loop, broker().receive("q", {3}, SteadyClock::now() + std::chrono::hours{1}), asio::use_future);
  EXPECT_EQ(event_ids(result_of(loop, std::move(first), "a delivery").value()), (Ids{ids[0]}));
  EXPECT_EQ(event_ids(result_of(loop, std::move(second), "the others").value()), (Ids{ids[1], ids[2]}));
}

TEST_P(EmbeddedRun, CountsALongBacklogExactlyAcrossRestarts) {
  publish_burst(700);
  auto definition = queue("q", "user.*");
  definition.start_from.kind = StartFrom::Kind::beginning;
  declare(definition);
  run(fixture().pass(Millis{0}));
  EXPECT_EQ(info("q").ready, 700u);
  publish_burst(150);
  const auto acked = ack("q", receive("q", 30)).settled;
  restart();
  EXPECT_EQ(info("q").ready, 850 - acked);
  EXPECT_THAT(receive_all("q"), SizeIs(850 - acked));
}

TEST_P(EmbeddedRun, RedrivesNoFasterThanAsked) {
  fixture().use_real_clock();
  declare(queue("q"));
  publish_burst(10);
  nack("q", receive("q"), {.requeue = false, .delay = {}, .reason = {}});
  const DeadLetterSelection all{.event_ids = {}, .reason = {}, .all = true};
  EXPECT_EQ(run(broker().redrive("q", all, 50, false)).value().redriven, 10u);
  EXPECT_GT(info("q").dead_letters, 0u) << "not all at once";
  run_until(loop, "ten events to be ready", [this] { return info("q").ready == 10; });
  EXPECT_EQ(info("q").dead_letters, 0u);
}

TEST_P(EmbeddedRun, ARedrivenEventIsDeliveredOnceNothingElseIsBeforeIt) {
  constexpr std::size_t window = 16;
  publish_burst(window);
  publish({.type = "order.paid"});
  auto definition = queue("q", "user.*");
  definition.start_from.kind = StartFrom::Kind::beginning;
  declare(definition);
  nack("q", receive("q", 1), {.requeue = false, .delay = {}, .reason = {}});
  EXPECT_TRUE(run(broker().set_paused("q", true)));
  const DeadLetterSelection all{.event_ids = {}, .reason = {}, .all = true};
  EXPECT_EQ(run(broker().redrive("q", all, 0, false)).value().redriven, 1u);
  std::vector<std::future<Result<std::vector<Delivery>>>> waiting;
  waiting.reserve(window);
  for (std::size_t number = 0; number < window; ++number) {
    waiting.push_back(
        asio::co_spawn(loop, broker().receive("q", {1}, SteadyClock::now() + std::chrono::hours{1}), asio::use_future));
  }
  run_until(loop, "all of them to wait", [&] { return info("q").consumers == window; });
  EXPECT_TRUE(run(broker().set_paused("q", false)));
  for (auto& receive : waiting)
    EXPECT_THAT(result_of(loop, std::move(receive), "a consumer's event").value(), SizeIs(1));
}

class EmbeddedFew : public EmbeddedRun {};

TEST_P(EmbeddedFew, RedrivesNoMoreThanTheQueueMayHoldAndTheRestInTheBackground) {
  constexpr std::size_t many = 1100;
  fixture().use_real_clock();
  declare(queue("q"));
  publish_burst(many);
  for (auto taken = receive("q", 300); !taken.empty(); taken = receive("q", 300))
    nack("q", taken, {.requeue = false, .delay = {}, .reason = {}});
  ASSERT_EQ(info("q").dead_letters, many);
  const DeadLetterSelection all{.event_ids = {}, .reason = {}, .all = true};
  EXPECT_EQ(run(broker().redrive("q", all, 0, false)).value().redriven, many);
  EXPECT_EQ(info("q").dead_letters, 100u);
  std::set<std::string> came;
  run_until(loop, "all to come again", [&] {
    const auto taken = receive("q", 300);
    if (came.size() < 900) {
      EXPECT_EQ(info("q").dead_letters, 100u) << "200 or more are there";
    }
    for (const auto& id : event_ids(taken)) EXPECT_TRUE(came.insert(id).second);
    EXPECT_EQ(ack("q", taken).settled, taken.size());
    return came.size() == many;
  });
  EXPECT_EQ(info("q").dead_letters, 0u);
}

TEST_P(EmbeddedRun, ARedriveKeepsThePlacesThatItPromised) {
  constexpr std::size_t many = 2500;  // in three steps
  auto definition = queue("q");
  definition.max_length = many;
  definition.overflow = Overflow::reject;
  declare(definition);
  publish_burst(many);
  for (auto taken = receive("q", 500); !taken.empty(); taken = receive("q", 500))
    nack("q", taken, {.requeue = false, .delay = {}, .reason = {}});
  const DeadLetterSelection all{.event_ids = {}, .reason = {}, .all = true};
  auto redriving = asio::co_spawn(loop, broker().redrive("q", all, 0, false), asio::use_future);
  run_until(loop, "the first step", [this] { return info("q").ready > 0; });
  EXPECT_LT(info("q").ready, many);
  EXPECT_FALSE(broker().admit("events", "user.created", 1)) << "the other places are promised";
  const auto outcome = result_of(loop, std::move(redriving), "the redrive").value();
  EXPECT_EQ(outcome.redriven, many);
  EXPECT_EQ(info("q").dead_letters, 0u);
  EXPECT_EQ(ack("q", receive("q", 1)).settled, 1u);
  EXPECT_TRUE(broker().admit("events", "user.created", 1));
}

TEST_P(EmbeddedRun, CountsWhatItDelivers) {
  auto definition = queue("q");
  definition.lease = Millis{10000};
  declare(definition);
  for (const auto* type : {"user.created", "order.paid", "order.paid", "order.paid", "user.created"})
    publish({.type = type});
  const auto deliveries = receive("q");
  ack("q",
      {deliveries[0].delivery_id, deliveries[1].delivery_id, deliveries[2].delivery_id, deliveries[3].delivery_id});
  nack("q", {deliveries[4]});
  broker().give_back("q", delivery_ids(receive("q")));
  receive("q");
  pass(Millis{10000});
  const auto text = fixture().registry().serialize();
  for (const char* line :
       {R"(eventbus_events_published_total{event_type="user.created",exchange="events"} 2)",
        R"(eventbus_events_consumed_total{event_type="user.created",queue="q"} 1)",
        R"(eventbus_events_consumed_total{event_type="order.paid",queue="q"} 3)",
        R"(eventbus_deliveries_total{outcome="delivered",queue="q"} 7)",
        R"(eventbus_deliveries_total{outcome="acked",queue="q"} 4)",
        R"(eventbus_deliveries_total{outcome="nacked",queue="q"} 1)",
        R"(eventbus_deliveries_total{outcome="expired",queue="q"} 1)",
        R"(eventbus_deliveries_total{outcome="given_back",queue="q"} 1)", R"(eventbus_retries_total{queue="q"} 2)",
        R"(eventbus_delivery_duration_seconds_count{queue="q"} 6)",
        R"(eventbus_end_to_end_latency_seconds_count{queue="q"} 5)"}) {
    EXPECT_THAT(text, testing::HasSubstr(line));
  }
}

TEST_P(EmbeddedRun, CountsNothingForWhatIsPurged) {
  declare(queue("q"));
  publish_burst(3);
  receive("q", 1);
  run(broker().purge("q")).value();
  EXPECT_THAT(fixture().registry().serialize(),
              testing::Not(testing::HasSubstr("eventbus_delivery_duration_seconds_count{queue=\"q\"} 1")));
}

INSTANTIATE_TEST_SUITE_P(Embedded, EmbeddedFew, testing::Values(BrokerCase{"few", make_few}), broker_case);
INSTANTIATE_TEST_SUITE_P(Embedded, EmbeddedRun, testing::Values(BrokerCase{"small", make_small}), broker_case);

}  // namespace
}  // namespace eventbus
