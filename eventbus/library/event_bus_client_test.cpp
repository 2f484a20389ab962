#include "eventbus/library/event_bus_client.hpp"

#include <gmock/gmock.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <utility>

#include "eventbus/client/test_scripted_server.hpp"
#include "eventbus/client/test_scripted_service.hpp"
#include "eventbus/library/background_loop.hpp"
#include "eventbus/testing/waiting.hpp"

namespace eventbus {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view an_event =
    R"({"event_id":"e","timestamp":"2024-01-01T00:00:00Z","event_type":"a","payload":{},"stored_at":"2024-01-01T00:00:00Z"})";
const ScriptedAnswer no_deliveries{.body = R"({"deliveries":[]})"};

ScriptedAnswer problem(int status, const std::string& code, const std::string& detail, std::string retry_after = {}) {
  return {
      .status = status,
      .body = R"({"status":)" + std::to_string(status) + R"(,"code":")" + code + R"(","detail":")" + detail + R"("})",
      .content_type = "application/problem+json",
      .retry_after = std::move(retry_after)};
}

/// Long polls that are under way, some awaited and some blocking.
class LongPolls {
 public:
  LongPolls(EventBusClient& bus, int awaited, int blocking) {
    for (int number = 0; number < awaited; ++number) {
      polls_.push_back(
          asio::co_spawn(callers_.executor(), bus.async_receive("q", 1, std::chrono::seconds{30}), asio::use_future));
    }
    for (int number = 0; number < blocking; ++number) {
      polls_.push_back(
          std::async(std::launch::async, [&bus] { return bus.receive("q", 1, std::chrono::seconds{30}); }));
    }
  }
  /// How many were answered.
  int ended() {
    int answered = 0;
    for (auto& poll : polls_) answered += poll.get() ? 1 : 0;
    return answered;
  }

 private:
  BackgroundLoop callers_;
  std::vector<std::future<Result<std::vector<ClientDelivery>>>> polls_;
};

TEST(EventBusClient, LetsNoCallWaitForAnother) {
  ScriptedService service({{"POST /queues/q/receive", no_deliveries},
                           {"POST /queues/q/ack", {.body = R"({"acked":1,"unknown":[]})"}},
                           {"POST /events", {.status = 201, .body = R"({"event_id":"e","status":"stored"})"}}});
  EventBusClient bus(service.url(), 4, test_patience);
  LongPolls polls(bus, 40, 8);
  wait_until("48 polls to be under way", [&] { return service.polls() == 48; });
  EXPECT_EQ(bus.ack("q", {"d"}).value().done, 1U);
  asio::io_context loop;
  EXPECT_TRUE(
      result_of(loop, asio::co_spawn(loop, bus.async_publish({.event_type = "a"}), asio::use_future), "publishing")
          .value());
  service.answer_polls();
  EXPECT_EQ(polls.ended(), 48);
}

TEST(EventBusClient, RefusesMoreThanItsLimitAtOnce) {
  ScriptedService service(
      {{"POST /queues/q/receive", no_deliveries}, {"GET /health", {.body = R"({"status":"healthy"})"}}});
  EventBusClient bus(service.url(), 4, test_patience);
  LongPolls polls(bus, 512, 0);
  wait_until("512 polls to be under way", [&] { return service.polls() == 512; });
  const auto refused = bus.check_health();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::too_many_requests);
  EXPECT_THAT(refused.error().detail, AllOf(HasSubstr("512"), HasSubstr("Wait for one of them")));
  service.answer_polls();
  EXPECT_EQ(polls.ended(), 512);
  EXPECT_TRUE(bus.check_health().value());
}

TEST(EventBusClient, KeepsConnectionsBetweenCalls) {
  ScriptedService service({{"GET /health", {.body = R"({"status":"healthy"})"}}});
  EventBusClient bus(service.url());
  for (int call = 0; call < 20; ++call) EXPECT_TRUE(bus.check_health());
  EXPECT_EQ(service.connections(), 1);
}

TEST(EventBusClient, BreaksOffWhatIsCancelled) {
  ScriptedService service(
      {{"POST /queues/q/receive", no_deliveries}, {"POST /queues/q/ack", {.body = R"({"acked":1,"unknown":[]})"}}});
  EventBusClient bus(service.url(), 4, test_patience);
  asio::io_context loop;
  asio::cancellation_signal cancel;
  auto poll = asio::co_spawn(loop, bus.async_receive("q", 1, std::chrono::seconds{30}),
                             asio::bind_cancellation_slot(cancel.slot(), asio::use_future));
  wait_until("the poll to be under way", [&] {
    loop.poll();
    return service.polls() == 1;
  });
  cancel.emit(asio::cancellation_type::terminal);
  const auto broken_off = result_of(loop, std::move(poll), "the poll to be broken off");
  ASSERT_FALSE(broken_off);
  EXPECT_EQ(broken_off.error().code, ErrorCode::unavailable);
  EXPECT_EQ(bus.ack("q", {"d"}).value().done, 1U);
}

TEST(EventBusClient, OperatesQueues) {
  const std::string queue =
      R"({"name":"q","bindings":[{"exchange":"events","routing_key":"#"}],"max_retries":9,"new_in_a_later_version":1,)"
      R"("paused":true,"ready":1,"in_flight":2,"delayed":3,"dead_letters":4,"consumers":5,"oldest_age_seconds":1.5})";
  ScriptedService service({{"GET /queues", {.body = R"({"queues":[)" + queue + "]}"}},
                           {"GET /queues/q", {.body = queue}},
                           {"DELETE /queues/q", {.status = 204}},
                           {"POST /queues/q/purge", {.body = R"({"purged":7})"}},
                           {"POST /queues/q/pause", {.body = queue}},
                           {"POST /queues/q/resume", {.body = queue}},
                           {"POST /queues/q/extend", {.body = R"({"extended":1,"unknown":["y"]})"}},
                           {"POST /queues/q/nack", {.body = R"({"nacked":1,"unknown":[]})"}},
                           {"GET /ready", {.status = 503, .body = R"({"status":"not ready"})"}},
                           {"GET /health", {.body = R"({"status":"healthy","service":"event-bus"})"}}});
  EventBusClient bus(service.url());
  const auto state = bus.get_queue("q").value();
  EXPECT_EQ(state.definition.name, "q");
  EXPECT_EQ(state.definition.retry.max_retries, 9U);
  EXPECT_TRUE(state.paused);
  EXPECT_EQ(state.ready + 10 * state.in_flight + 100 * state.delayed + 1000 * state.dead_letters, 4321U);
  EXPECT_EQ(state.consumers, 5U);
  EXPECT_EQ(state.oldest_age_seconds, 1.5);
  EXPECT_EQ(bus.list_queues().value().size(), 1U);
  EXPECT_EQ(bus.purge("q").value(), 7U);
  EXPECT_TRUE(bus.pause("q"));
  EXPECT_TRUE(bus.resume("q"));
  EXPECT_TRUE(bus.delete_queue("q"));
  EXPECT_TRUE(bus.check_health().value());
  EXPECT_FALSE(bus.ready().value());
  const auto extended = bus.extend("q", {"x", "y"}, std::chrono::seconds{5}).value();
  EXPECT_EQ(extended.done, 1U);
  EXPECT_THAT(extended.unknown, ElementsAre("y"));
  EXPECT_EQ(service.last_body(), R"({"delivery_ids":["x","y"],"lease_ms":5000})");
  EXPECT_EQ(bus.nack("q", {"x"}, true, "why", std::chrono::milliseconds{0}).value().done, 1U);
  EXPECT_EQ(service.last_body(), R"({"delivery_ids":["x"],"requeue":true,"reason":"why","delay_ms":0})");
}

TEST(EventBusClient, LooksThroughDeadLetters) {
  const auto letter = [](std::string_view event) {
    return R"({"event":)" + std::string(event) +
           R"(,"reason":"broken","attempts":4,"first_failed_at":"2024-01-01T00:00:01Z","last_failed_at":"2024-01-01T00:00:02Z"})";
  };
  const auto page_body =
      R"({"dead_letters":[)" + letter(an_event) + "," + letter(R"({"payload":"no event"})") + R"(],"next_cursor":"c"})";
  ScriptedService service(
      {{"GET /queues/q/dead-letters?limit=2", {.body = page_body}},
       {"GET /queues/q/dead-letters?limit=2&cursor=c", {.body = R"({"dead_letters":[],"next_cursor":null})"}},
       {"POST /queues/q/dead-letters/redrive", {.body = R"({"matched":3,"redriven":2,"left":1,"dry_run":false})"}},
       {"POST /queues/paced/dead-letters/redrive", {.body = R"({"matched":3,"redriven":3,"left":0,"dry_run":false})"}},
       {"DELETE /queues/q/dead-letters", {.body = R"({"matched":2,"dry_run":true})"}}});
  EventBusClient bus(service.url());
  const auto page = bus.list_dead_letters("q", 2).value();
  ASSERT_EQ(page.dead_letters.size(), 2U);
  EXPECT_EQ(page.dead_letters[0].event.event->event_id, "e");
  EXPECT_EQ(page.dead_letters[0].reason, "broken");
  EXPECT_EQ(page.dead_letters[0].attempts, 4U);
  EXPECT_LT(page.dead_letters[0].first_failed_at, page.dead_letters[0].last_failed_at);
  EXPECT_EQ(page.dead_letters[1].event.event->payload, R"("no event")");
  EXPECT_EQ(bus.list_dead_letters("q", 2, page.next_cursor).value().next_cursor, "");
  const auto redriven = bus.redrive_dead_letters("q", {.reason = "broken"}).value();
  EXPECT_EQ(100 * redriven.matched + 10 * redriven.redriven + redriven.left, 321U);
  EXPECT_EQ(service.last_body(), R"({"reason":"broken","dry_run":false})");
  EXPECT_EQ(bus.redrive_dead_letters("paced", {.all = true, .events_per_second = 5}).value().redriven, 3U);
  EXPECT_EQ(service.last_body(), R"({"all":true,"events_per_second":5,"dry_run":false})");
  EXPECT_EQ(bus.delete_dead_letters("q", {.event_ids = {"e"}, .dry_run = true}).value(), 2U);
  EXPECT_EQ(service.last_body(), R"({"event_ids":["e"],"dry_run":true})");
}

TEST(EventBusClient, GivesErrorsTheirCodeAndWhatToDo) {
  ScriptedService service({{"GET /queues/a", problem(404, "unknown_queue", "There is no queue 'a'.")},
                           {"PUT /queues/a", problem(409, "exchange_conflict", "It is a fanout.")},
                           {"GET /queues/b", problem(429, "slow_down_please", "Too much.", "7")},
                           {"GET /queues/c", {.status = 502, .body = "<html>", .content_type = "text/html"}},
                           {"GET /queues/d", {.status = 200, .body = "<html>", .content_type = "text/html"}}});
  EventBusClient bus(service.url());
  EXPECT_EQ(bus.get_queue("a").error().code, ErrorCode::unknown_queue);
  EXPECT_EQ(bus.get_queue("a").error().detail, "There is no queue 'a'.");
  QueueDefinition queue;
  queue.name = "a";
  EXPECT_EQ(bus.declare_queue(queue).error().code, ErrorCode::exchange_conflict);
  EXPECT_EQ(describe(bus.get_queue("b").error().code).status, 429);
  EXPECT_THAT(bus.get_queue("b").error().detail, HasSubstr("try again in 7 s"));
  for (const auto* foreign : {"c", "d"}) {
    EXPECT_EQ(bus.get_queue(foreign).error().code, ErrorCode::unavailable);
    EXPECT_THAT(bus.get_queue(foreign).error().detail, HasSubstr("URL"));
  }
  EXPECT_EQ(EventBusClient("nonsense").check_health().error().code, ErrorCode::invalid);
}

TEST(EventBusClient, KnowsEveryCodeOfTheService) {
  for (int number = 0; number <= std::to_underlying(ErrorCode::internal); ++number) {
    const auto code = static_cast<ErrorCode>(number);
    const auto known = describe(code);
    ScriptedService service({{"GET /queues/q", problem(known.status, std::string(known.name), "No.")}});
    EXPECT_EQ(EventBusClient(service.url()).get_queue("q").error().code, code) << known.name;
  }
}

TEST(EventBusClient, TellsThatTheOutcomeIsOpenWhenTheServiceDiesWhileItAnswers) {
  ScriptedServer dying(
      {{"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"acked\":"}, {answer("200 OK", R"({"acked":0})")}});
  EventBusClient bus(dying.url().text());
  const auto lost = bus.ack("q", {"d"});
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, ErrorCode::unavailable);
  EXPECT_THAT(lost.error().detail, HasSubstr("may or may not have been carried out"));
  EXPECT_TRUE(bus.ack("q", {"d"})) << "it connects anew";
}

TEST(EventBusClient, ReplaysInSmallerPagesWhatIsTooLargeForOne) {
  const std::string large(std::size_t{65} << 20U, ' ');
  const auto page = R"({"events":[)" + std::string(an_event) + R"(],"next_cursor":null})";
  ScriptedService service({{"GET /events?limit=500", {.body = large}}, {"GET /events?limit=250", {.body = page}}});
  EventBusClient bus(service.url(), 4, test_patience);
  auto replay = bus.replay();
  const auto events = replay.next();
  ASSERT_TRUE(events) << events.error().detail;
  EXPECT_EQ(events->size(), 1U);
}

}  // namespace
}  // namespace eventbus
