#include "eventbus/core/event_json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "eventbus/core/test_faults.hpp"

namespace eventbus {
namespace {

using testing::HasSubstr;

Result<EventDraft> parse(std::string_view json, const PublishContext& context = {}) {
  return parse_event(json, context);
}

std::vector<std::string> event_faults(std::string_view json) {
  return faulty_fields(parse(json));
}

TEST(EventJson, ReadsEveryField) {
  const auto draft =
      parse(R"({"event_id":"a/b \"1\"","timestamp":"2026-11-23T18:49:13.25+01:00","event_type":"user.created",
    "payload":{"id": 12345678901234567890, "x": 1.10},"ordering_key":"k é","correlation_id":"c","exchange":"e:1","routing_key":"r.k"})");
  ASSERT_TRUE(draft);
  const Event& event = *draft->event;
  EXPECT_EQ(event.event_id, "a/b \"1\"");
  EXPECT_EQ(format_timestamp(event.timestamp), "2026-11-23T17:49:13.25Z");
  EXPECT_EQ(event.event_type, "user.created");
  EXPECT_EQ(event.payload, R"({"id":12345678901234567890,"x":1.10})");
  EXPECT_EQ(event.ordering_key, "k é");
  EXPECT_EQ(event.correlation_id, "c");
  EXPECT_EQ(event.exchange, "e:1");
  EXPECT_EQ(event.routing_key, "r.k");
  const GivenFields& given = draft->given;
  EXPECT_TRUE(given.event_id && given.timestamp && given.payload && given.ordering_key && given.correlation_id);
  EXPECT_TRUE(given.exchange && given.routing_key && !given.cloudevent);
}

TEST(EventJson, FillsInWhatIsMissing) {
  const auto before = now();
  const auto draft = parse(R"({"event_type":"a"})");
  ASSERT_TRUE(draft);
  const Event& event = *draft->event;
  EXPECT_EQ(event.event_id.size(), 36U);
  EXPECT_GE(event.timestamp, before);
  EXPECT_EQ(event.payload, "{}");
  EXPECT_EQ(event.correlation_id, event.event_id);
  EXPECT_EQ(event.exchange, "events");
  EXPECT_EQ(event.routing_key, "a");
  const GivenFields& given = draft->given;
  EXPECT_FALSE(given.event_id || given.timestamp || given.payload || given.ordering_key || given.correlation_id);
  EXPECT_FALSE(given.exchange || given.routing_key || given.cloudevent);
}

TEST(EventJson, TakesCorrelationAndTraceFromTheContext) {
  const PublishContext context{.correlation_id = "from-header", .traceparent = "00-1-2-01"};
  const auto draft = parse(R"({"event_type":"a"})", context);
  EXPECT_EQ(draft->event->correlation_id, "from-header");
  EXPECT_EQ(draft->event->traceparent, "00-1-2-01");
  EXPECT_FALSE(draft->given.correlation_id);
  EXPECT_EQ(parse(R"({"event_type":"a","correlation_id":"own"})", context)->event->correlation_id, "own");
  const PublishContext bad{.correlation_id = "\xFF", .traceparent = ""};
  EXPECT_EQ(parse(R"({"event_type":"a"})", bad).error().fields.at(0).field, "X-Correlation-ID");
}

TEST(EventJson, NamesEveryBadFieldAtOnce) {
  EXPECT_THAT(event_faults(R"({"event_id":"","timestamp":"yesterday","event_type":"a..b","payload":[1],"ordering_key":7,
    "correlation_id":null,"exchange":"a b","routing_key":"a.","extra":1})"),
              testing::ElementsAre("event_id", "timestamp", "event_type", "payload", "ordering_key", "correlation_id",
                                   "exchange", "routing_key", "extra"));
  EXPECT_THAT(event_faults(R"({"payload":{}})"), testing::ElementsAre("event_type"));
  EXPECT_THAT(event_faults(R"([])"), testing::ElementsAre("body"));
  EXPECT_THAT(event_faults(R"("x")"), testing::ElementsAre("body"));
}

TEST(EventJson, RefusesUnknownFieldsWithASuggestion) {
  const auto misspelt = parse(R"({"event_type":"a","paylod":{}})");
  ASSERT_FALSE(misspelt);
  EXPECT_THAT(misspelt.error().detail, HasSubstr("paylod: is not a known field; did you mean \"payload\"?"));
  EXPECT_THAT(parse(R"({"eventType":"a"})").error().detail, HasSubstr("did you mean \"event_type\"?"));
  EXPECT_THAT(parse(R"({"event_type":"a","zzz":1})").error().detail, HasSubstr("allowed are event_id, timestamp"));
}

TEST(EventJson, BoundsItsAnswer) {
  std::string text = R"({"event_type":"a")";
  for (int i = 0; i < 5000; ++i) text += ",\"" + std::to_string(i) + std::string(i == 0 ? 10'000 : 0, 'x') + "\":1";
  const auto draft = parse(text + "}");
  ASSERT_FALSE(draft);
  EXPECT_EQ(draft.error().fields.size(), 100U);
  EXPECT_LT(draft.error().detail.size(), 2000U);
  EXPECT_THAT(draft.error().detail, HasSubstr("and 4997 more"));
}

class BadEventType : public testing::TestWithParam<std::string> {};
TEST_P(BadEventType, IsRefused) {
  EXPECT_THAT(event_faults("{\"event_type\":\"" + GetParam() + "\"}"), testing::ElementsAre("event_type"));
}
INSTANTIATE_TEST_SUITE_P(Texts, BadEventType,
                         testing::Values("", ".", "a.", ".a", "a..b", "a b", R"(a\tb)", "a\u00a0b", "a\u0085",
                                         "a\u200bb", "a\u202eb", "\uFEFFa", "a.*", "#", "#.a", std::string(256, 'a'),
                                         std::string(254, 'a') + "é"));

class GoodEventType : public testing::TestWithParam<std::string> {};
TEST_P(GoodEventType, IsTaken) {
  const auto draft = parse("{\"event_type\":\"" + GetParam() + "\",\"routing_key\":\"" + GetParam() + "\"}");
  ASSERT_TRUE(draft) << draft.error().detail;
  EXPECT_EQ(draft->event->event_type, GetParam());
}
INSTANTIATE_TEST_SUITE_P(Texts, GoodEventType,
                         testing::Values("a/b", "é", "a*b", "lang.C#", "**", "order:created", "50%",
                                         "世界.👩‍👧", std::string(253, 'a') + "é"));

TEST(EventJson, CountsCharactersNotBytes) {
  std::string id;
  for (int i = 0; i < 255; ++i) id += "é";
  EXPECT_TRUE(parse("{\"event_type\":\"a\",\"event_id\":\"" + id + "\"}"));
  EXPECT_THAT(event_faults("{\"event_type\":\"a\",\"event_id\":\"" + id + "é\"}"), testing::ElementsAre("event_id"));
  EXPECT_THAT(event_faults("{\"event_type\":\"a\",\"ordering_key\":\"" + std::string(1025, 'k') + "\"}"),
              testing::ElementsAre("ordering_key"));
  EXPECT_TRUE(
      parse("{\"event_type\":\"" + std::string(255, 'a') + "\",\"ordering_key\":\"" + std::string(1024, 'k') + "\"}"));
}

TEST(EventJson, RefusesControlCharactersInIds) {
  for (const char* id : {R"(a\nb)", R"(\u007f)", R"(\u0085)", R"(\u001b[31m)"}) {
    EXPECT_THAT(event_faults(std::string(R"({"event_type":"a","event_id":")") + id + "\"}"),
                testing::ElementsAre("event_id"));
  }
}

TEST(EventJson, NamesTheFieldOfBadText) {
  EXPECT_THAT(event_faults("{\"event_type\":\"a\",\"payload\":{\"x\":\"\xFF\"}}"), testing::ElementsAre("payload"));
  EXPECT_THAT(event_faults(R"({"event_type":"a","payload":{"x":"\u0000"}})"), testing::ElementsAre("payload"));
  EXPECT_EQ(parse("{\"event_type\":").error().code, ErrorCode::malformed_json);
}

TEST(EventJson, RefusesWhatIsTooLarge) {
  const PublishContext small{.correlation_id = "", .traceparent = "", .max_event_bytes = 30};
  EXPECT_TRUE(parse_event(R"({"event_type":"abcdefghijk"})", small));
  EXPECT_EQ(parse_event(R"({"event_type":"abcdefghijklmn"})", small).error().code, ErrorCode::too_large);
}

TEST(EventJson, LastOfARepeatedFieldWins) {
  EXPECT_EQ(parse(R"({"event_type":"a b","event_type":"c"})")->event->event_type, "c");
}

TEST(EventJson, SplitsABatch) {
  const auto batch = parse_event_batch(R"({"events":[{"event_type":"a"},{"event_type":1},3,{"event_type":"b"}]})", {});
  ASSERT_TRUE(batch);
  ASSERT_EQ(batch->size(), 4U);
  EXPECT_EQ((*batch)[0]->event->event_type, "a");
  EXPECT_EQ((*batch)[1].error().fields.at(0).field, "event_type");
  EXPECT_EQ((*batch)[2].error().code, ErrorCode::invalid);
  EXPECT_EQ((*batch)[3]->event->event_type, "b");
  EXPECT_TRUE(parse_event_batch(R"({"events":[]})", {})->empty());
}

TEST(EventJson, RefusesWhatIsNoBatch) {
  for (const char* text : {"[]", "{}", R"({"events":{}})", R"({"events":[],"atomic":true})", R"({"event":[]})", "1"}) {
    EXPECT_EQ(parse_event_batch(text, {}).error().code, ErrorCode::invalid) << text;
  }
  EXPECT_EQ(parse_event_batch(R"({"events":[)", {}).error().code, ErrorCode::malformed_json);
  std::string many = R"({"events":[0)";
  for (std::size_t i = 0; i < max_batch_events; ++i) many += ",0";
  EXPECT_EQ(parse_event_batch(many + "]}", {}).error().code, ErrorCode::too_large);
}

TEST(EventJson, AllowsABatchTheDepthOfItsEvents) {
  const std::string deep =
      "{\"event_type\":\"a\",\"payload\":{\"x\":" + std::string(126, '[') + std::string(126, ']') + "}}";
  EXPECT_TRUE(parse(deep));
  EXPECT_TRUE(parse_event_batch("{\"events\":[" + deep + "]}", {})->at(0));
}

TEST(EventOutput, ShowsTheEvent) {
  const auto draft =
      parse(R"({"event_id":"i\"","timestamp":"2026-11-23T17:49:13Z","event_type":"t","payload":{"a":[1.0]}})");
  std::string out = "data: ";
  append_event(out, *draft->event);
  EXPECT_EQ(out, R"(data: {"event_id":"i\"","timestamp":"2026-11-23T17:49:13Z","event_type":"t","payload":{"a":[1.0]},)"
                 R"("correlation_id":"i\"","exchange":"events","routing_key":"t"})");
}

TEST(EventOutput, ShowsTheStoredEvent) {
  const Event event{.event_id = "i",
                    .timestamp = *parse_timestamp("2026-11-23T17:49:13Z"),
                    .event_type = "t",
                    .payload = "{}",
                    .ordering_key = "k",
                    .correlation_id = "c",
                    .exchange = "e",
                    .routing_key = "r",
                    .traceparent = "00-x",
                    .cloudevent = R"({"source":"s"})"};
  std::string out;
  append_stored_event(out, {255, *parse_timestamp("2026-11-23T17:49:14.5Z"), std::make_shared<const Event>(event)});
  EXPECT_EQ(out,
            R"({"event_id":"i","timestamp":"2026-11-23T17:49:13Z","event_type":"t","payload":{},"ordering_key":"k",)"
            R"("correlation_id":"c","exchange":"e","routing_key":"r","traceparent":"00-x","cloudevent":{"source":"s"},)"
            R"("stored_at":"2026-11-23T17:49:14.5Z","cursor":"pff"})");
}

TEST(EventOutput, IsNoLongerThanSaidBefore) {
  Event event{.event_id = "i", .timestamp = *parse_timestamp("2026-11-23T17:49:13.123456Z"), .event_type = "t"};
  for (const std::string_view unit : {"x", "\x01", "\"", "ü"}) {
    std::string text;
    while (text.size() < 255) text += unit;
    event.event_id = event.event_type = event.ordering_key = event.correlation_id = text;
    event.exchange = event.routing_key = event.traceparent = text;
    event.cloudevent = R"({"source":")" + text + R"("})";
    event.payload = R"({"text":")" + std::string(100'000, 'x') + R"("})";
    const StoredEvent stored{std::numeric_limits<Position>::max(), event.timestamp,
                             std::make_shared<const Event>(event), std::numeric_limits<LifeId>::max()};
    std::string out;
    append_stored_event(out, stored);
    EXPECT_LE(out.size(), most_json_bytes(stored)) << unit;
    EXPECT_LE(most_json_bytes(stored), event.payload.size() + 12'000);
  }
}

TEST(Repeats, ComparesOnlyWhatIsGiven) {
  const Event stored = *parse(R"({"event_id":"i","event_type":"t","payload":{"a":1,"b":2},"ordering_key":"k"})")->event;
  const auto again = [&](std::string_view fields) {
    return repeats(stored, *parse(R"({"event_id":"i",)" + std::string(fields) + "}"));
  };
  EXPECT_TRUE(again(R"("event_type":"t")"));
  EXPECT_TRUE(again(R"("event_type":"t","payload":{"b":2.0,"a":1})"));
  EXPECT_FALSE(again(R"("event_type":"t","payload":{})"));
  EXPECT_FALSE(again(R"("event_type":"u")"));
  EXPECT_FALSE(again(R"("event_type":"t","ordering_key":"l")"));
  EXPECT_FALSE(again(R"("event_type":"t","timestamp":"2020-01-01T00:00:00Z")"));
  EXPECT_FALSE(again(R"("event_type":"t","correlation_id":"other")"));
  EXPECT_FALSE(again(R"("event_type":"t","exchange":"other")"));
  EXPECT_FALSE(again(R"("event_type":"t","routing_key":"other")"));
}

}  // namespace
}  // namespace eventbus
