#include "eventbus/library/event_check.hpp"

#include <gmock/gmock.h>

#include "eventbus/library/circuit_breaker.hpp"
#include "eventbus/library/make_event.hpp"

namespace eventbus {
namespace {

using testing::Field;

TEST(MakeEventTest, FillsInWhatIsMissing) {
  const auto event = make_event({.event_type = "user.created", .payload = R"( {"b" : 1, "b" : 2} )"}).value();
  EXPECT_EQ(event.event_id.size(), 36U);
  EXPECT_EQ(event.correlation_id, event.event_id);
  EXPECT_EQ(event.routing_key, "user.created");
  EXPECT_EQ(event.exchange, "events");
  EXPECT_EQ(event.payload, R"({"b":2})");
  EXPECT_GT(event.timestamp, parse_timestamp("2026-01-01T00:00:00Z").value());
  EXPECT_EQ(make_event(event).value(), event);
}

TEST(MakeEventTest, NamesEveryFieldAtFault) {
  const auto refused =
      make_event({.event_id = "\xff", .event_type = "a..b", .payload = "[1]", .exchange = "amq.topic"});
  ASSERT_FALSE(refused);
  EXPECT_THAT(
      refused.error().fields,
      testing::UnorderedElementsAre(Field(&FieldError::field, "event_id"), Field(&FieldError::field, "event_type"),
                                    Field(&FieldError::field, "exchange"), Field(&FieldError::field, "payload")));
}

TEST(MakeEventTest, TakesAnyPayloadOfACloudEvent) {
  const auto event =
      make_event({.event_type = "com.acme/thing", .payload = " [1] ", .cloudevent = R"({"source":"/s"})"});
  ASSERT_TRUE(event) << event.error().detail;
  EXPECT_EQ(event->payload, "[1]");
}

TEST(MakeEventTest, SaysWhatIsWrongWithThePayload) {
  const auto refused = make_event({.event_type = "a", .payload = "{\"a\": nope}"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::malformed_json);
  EXPECT_THAT(refused.error().detail, testing::StartsWith("payload: "));
  const auto large = make_event({.event_type = "a", .payload = std::string((1U << 20U) + 1, ' ')});
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, ErrorCode::too_large);
}

TEST(CheckedBatchTest, PutsFatesInTheirPlaces) {
  auto batch =
      check_batch({{.event_id = "a", .event_type = "x"}, {.event_id = "b"}, {.event_id = "c", .event_type = "x"}});
  ASSERT_EQ(batch.events.size(), 2U);
  EXPECT_EQ(batch.events[1]->event_id, "c");
  const auto results = std::move(batch).with({true, fail(ErrorCode::unavailable, "gone")});
  ASSERT_EQ(results.size(), 3U);
  EXPECT_EQ(results[0].value(), true);
  EXPECT_EQ(results[1].error().code, ErrorCode::invalid);
  EXPECT_EQ(results[2].error().code, ErrorCode::unavailable);
}

TEST(PublicCircuitBreakerTest, RefusesCallsWhileItIsOpen) {
  api::CircuitBreaker breaker("mail", {.failure_threshold = 2, .cool_down = std::chrono::hours{1}});
  int calls = 0;
  const auto failing = [&]() -> Result<int> {
    ++calls;
    return fail(ErrorCode::unavailable, "no answer");
  };
  EXPECT_EQ(breaker.call(failing).error().detail, "no answer");
  EXPECT_EQ(breaker.call(failing).error().detail, "no answer");
  EXPECT_EQ(breaker.state(), api::CircuitBreaker::State::open);
  EXPECT_THAT(breaker.call(failing).error().detail, testing::StartsWith("mail: the circuit breaker is open"));
  EXPECT_EQ(calls, 2);
  breaker.reset();
  EXPECT_EQ(breaker.call([] { return Result<int>(7); }).value(), 7);
  EXPECT_EQ(breaker.state(), api::CircuitBreaker::State::closed);
}

TEST(PublicCircuitBreakerTest, AnAnswerIsASuccessAndAnExceptionAFailure) {
  api::CircuitBreaker breaker("mail", {.failure_threshold = 1, .cool_down = std::chrono::hours{1}});
  EXPECT_EQ(breaker.call([] { return Result<int>(fail(ErrorCode::invalid, "no")); }).error().code, ErrorCode::invalid);
  EXPECT_EQ(breaker.state(), api::CircuitBreaker::State::closed);
  EXPECT_THROW(
      [[maybe_unused]] const auto answer = breaker.call([]() -> Result<int> { throw std::runtime_error("lost"); }),
      std::runtime_error);
  EXPECT_EQ(breaker.state(), api::CircuitBreaker::State::open);
  breaker.close();
  EXPECT_TRUE(breaker.allow());
  breaker.succeeded();
  breaker.open();
  EXPECT_FALSE(breaker.allow());
}

}  // namespace
}  // namespace eventbus
