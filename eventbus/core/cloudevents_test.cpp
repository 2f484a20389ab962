#include "eventbus/core/cloudevents.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eventbus/core/json.hpp"
#include "eventbus/core/test_faults.hpp"

namespace eventbus {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

using Attributes = std::vector<std::pair<std::string, std::string>>;

std::vector<std::string> cloudevent_faults(std::string_view json) {
  return faulty_fields(parse_cloudevent(json, {}));
}

constexpr const char* complete =
    R"({"specversion":"1.0","id":"A-1","source":"/shop","type":"com.example.sold","subject":"é",
  "time":"2018-04-05T17:31:00Z","partitionkey":"k","datacontenttype":"application/json; charset=utf-8","zone":"eu","n":-7,"on":true,
  "data":{"price": 12.50}})";

TEST(CloudEvents, ReadsStructuredMode) {
  const auto draft = parse_cloudevent(complete, {});
  ASSERT_TRUE(draft) << draft.error().detail;
  const Event& event = *draft->event;
  EXPECT_EQ(event.event_id, "A-1");
  EXPECT_EQ(event.event_type, "com.example.sold");
  EXPECT_EQ(format_timestamp(event.timestamp), "2018-04-05T17:31:00Z");
  EXPECT_EQ(event.ordering_key, "k");
  EXPECT_EQ(event.payload, R"({"price":12.50})");
  EXPECT_EQ(
      event.cloudevent,
      R"({"datacontenttype":"application/json; charset=utf-8","n":-7,"on":true,"source":"/shop","subject":"é","zone":"eu"})");
  EXPECT_EQ(event.correlation_id, "A-1");
  const GivenFields& given = draft->given;
  EXPECT_TRUE(given.event_id && given.timestamp && given.payload && given.ordering_key && given.cloudevent);
}

TEST(CloudEvents, ComesBackFromItsText) {
  const auto draft = parse_cloudevent(complete, {});
  std::string text;
  append_cloudevent(text, *draft->event, "unused");
  const auto again = parse_cloudevent(text, {});
  ASSERT_TRUE(again) << text;
  EXPECT_EQ(*again->event, *draft->event);
  EXPECT_TRUE(repeats(*draft->event, *again));
}

TEST(CloudEvents, ShowsEventsOfOtherOriginWithTheDefaultSource) {
  const Event event{.event_id = "i", .timestamp = *parse_timestamp("2026-01-01T00:00:00Z"), .event_type = "t"};
  std::string text;
  append_cloudevent(text, event, "eventbus");
  EXPECT_EQ(text, R"({"specversion":"1.0","id":"i","type":"t","time":"2026-01-01T00:00:00Z",)"
                  R"("datacontenttype":"application/json","source":"eventbus","data":{}})");
  EXPECT_TRUE(parse_json_object(text));
}

TEST(CloudEvents, NamesEveryBadAttribute) {
  EXPECT_THAT(cloudevent_faults("{}"), ElementsAre("specversion", "id", "source", "type"));
  EXPECT_THAT(cloudevent_faults(
                  R"({"specversion":"0.3","id":"","source":"","type":"a b","time":"now","partitionkey":"","subject":"",
    "datacontenttype":"text/plain","Upper":"x","ex_t":"x","list":[1],"half":0.5})"),
              UnorderedElementsAre("specversion", "id", "source", "type", "time", "partitionkey", "subject",
                                   "datacontenttype", "Upper", "ex_t", "list", "half"));
  EXPECT_THAT(cloudevent_faults(R"({"specversion":1.0,"id":1,"source":1,"type":1})"),
              ElementsAre("specversion", "id", "source", "type"));
  EXPECT_THAT(cloudevent_faults(R"({"specversion":"1.0","id":"a","source":"s","type":"t","data_base64":"AAAA"})"),
              ElementsAre("data_base64"));
  EXPECT_THAT(cloudevent_faults("[]"), ElementsAre("body"));
  EXPECT_EQ(parse_cloudevent("{", {}).error().code, ErrorCode::malformed_json);
}

TEST(CloudEvents, TreatsNullAttributesAsLeftOut) {
  const auto draft =
      parse_cloudevent(R"({"specversion":"1.0","id":"a","source":"s","type":"t","time":null,"ext":null})", {});
  ASSERT_TRUE(draft);
  EXPECT_FALSE(draft->given.timestamp);
  EXPECT_EQ(draft->event->cloudevent, R"({"source":"s"})");
  EXPECT_THAT(cloudevent_faults(R"({"specversion":"1.0","id":null,"source":"s","type":"t"})"), ElementsAre("id"));
}

TEST(CloudEvents, TakesOtherJsonMediaTypes) {
  for (const char* type :
       {"application/json", "Application/JSON ; charset=utf-8", "application/vnd.shop+json", "text/json"}) {
    const auto draft = parse_cloudevent(
        R"({"specversion":"1.0","id":"a","source":"s","type":"t","datacontenttype":")" + std::string(type) + "\"}", {});
    ASSERT_TRUE(draft) << type;
    std::string text;
    append_cloudevent(text, *draft->event, "unused");
    EXPECT_THAT(text, testing::HasSubstr("\"datacontenttype\":\"" + std::string(type) + "\""));
    EXPECT_EQ(text.find("datacontenttype"), text.rfind("datacontenttype"));
  }
  for (const char* type : {"", "json", "/json", "a/+json", "a/jsonp", "application/json+xml", "text/plain; a=/json"})
    EXPECT_FALSE(is_json_media_type(type)) << type;
}

TEST(CloudEvents, TakesAnyValueAsData) {
  for (const char* data : {"[1,{}]", R"("é\n")", "1E5", "-0", "true", "null", "{}"}) {
    const auto draft = parse_cloudevent(
        R"({"specversion":"1.0","id":"a","source":"s","type":"t","data":)" + std::string(data) + "}", {});
    ASSERT_TRUE(draft) << data;
    EXPECT_EQ(draft->event->payload, data);
    EXPECT_TRUE(draft->given.payload);
  }
}

TEST(CloudEvents, RepeatsWhateverTheMediaTypeOfTheData) {
  const auto with = [](std::string_view more) {
    return *parse_cloudevent(R"({"specversion":"1.0","id":"a","source":"s","type":"t","zone":"say \"so\"","data":[1])" +
                                 std::string(more) + "}",
                             {});
  };
  const auto stored = with(R"(,"datacontenttype":"application/x+json")");
  EXPECT_TRUE(repeats(*stored.event, with("")));
  EXPECT_TRUE(repeats(*with("").event, stored));
  EXPECT_TRUE(repeats(*stored.event, with(R"(,"datacontenttype":"application/json")")));
  EXPECT_FALSE(repeats(*stored.event, with(R"(,"more":1)")));
  EXPECT_FALSE(repeats(*stored.event, with(R"(,"data":[2])")));
}

TEST(CloudEvents, ReadsABatch) {
  const auto batch = parse_cloudevent_batch("[" + std::string(complete) + ",{},7]", {});
  ASSERT_TRUE(batch);
  ASSERT_EQ(batch->size(), 3U);
  EXPECT_EQ((*batch)[0]->event->event_id, "A-1");
  EXPECT_EQ((*batch)[1].error().fields.size(), 4U);
  EXPECT_EQ((*batch)[2].error().code, ErrorCode::invalid);
  EXPECT_TRUE(parse_cloudevent_batch("[]", {})->empty());
  EXPECT_EQ(parse_cloudevent_batch("{}", {}).error().code, ErrorCode::invalid);
}

TEST(CloudEvents, ReadsBinaryMode) {
  const Attributes attributes = {{"specversion", "1.0"}, {"id", "%C3%A9%20%25"}, {"source", "/s"},     {"type", "t.u"},
                                 {"subject", "100%"},    {"zone", "a%2"},        {"partitionkey", "k"}};
  const auto draft = parse_binary_cloudevent(attributes, "", R"({"a": 1})", {});
  ASSERT_TRUE(draft) << draft.error().detail;
  EXPECT_EQ(draft->event->event_id, "é %");
  EXPECT_EQ(draft->event->ordering_key, "k");
  EXPECT_EQ(draft->event->payload, R"({"a":1})");
  EXPECT_EQ(draft->event->cloudevent, R"({"source":"/s","subject":"100%","zone":"a%2"})");
}

TEST(CloudEvents, UnquotesHeaders) {
  const Attributes attributes = {
      {"specversion", R"("1.0")"}, {"id", R"("a \"b\" \\ \c")"}, {"source", "\"/s%20%22\""}, {"type", "t"},
      {"subject", R"("open)"},     {"zone", R"("a" "b")"},       {"plain", R"(a\"b)"},       {"end", R"("a\")"}};
  const auto draft = parse_binary_cloudevent(attributes, "application/x+json", "[]", {});
  ASSERT_TRUE(draft) << draft.error().detail;
  EXPECT_EQ(draft->event->event_id, R"(a "b" \ c)");
  EXPECT_EQ(
      draft->event->cloudevent,
      R"({"datacontenttype":"application/x+json","end":"\"a\\\"","plain":"a\\\"b","source":"/s \"","subject":"\"open",)"
      R"("zone":"\"a\" \"b\""})");
}

TEST(CloudEvents, RefusesAMediaTypeThatIsNoText) {
  const Attributes attributes = {{"specversion", "1.0"}, {"id", "a"}, {"source", "s"}, {"type", "t"}};
  for (const char* type : {"application/json; a=\xFF", "text/plain"})
    EXPECT_THAT(faulty_fields(parse_binary_cloudevent(attributes, type, "1", {})), ElementsAre("ce-datacontenttype"))
        << type;
}

TEST(CloudEvents, TakesBinaryModeWithoutData) {
  const auto draft =
      parse_binary_cloudevent({{"specversion", "1.0"}, {"id", "a"}, {"source", "s"}, {"type", "t"}}, "", "", {});
  ASSERT_TRUE(draft);
  EXPECT_EQ(draft->event->payload, "{}");
  EXPECT_FALSE(draft->given.payload);
}

TEST(CloudEvents, NamesBadHeaders) {
  EXPECT_THAT(faulty_fields(parse_binary_cloudevent(
                  {{"specversion", "1.0"}, {"id", "%FF"}, {"id", "b"}, {"type", "a%00"}, {"a-b", "x"}}, "", "[]", {})),
              UnorderedElementsAre("ce-id", "ce-id", "ce-type", "ce-a-b", "ce-source"));
  EXPECT_EQ(parse_binary_cloudevent({}, "", "{", {}).error().code, ErrorCode::malformed_json);
  const PublishContext small{.correlation_id = "", .traceparent = "", .max_event_bytes = 10};
  EXPECT_EQ(parse_binary_cloudevent({{"id", "aaaaaaaa"}}, "", "{ }", small).error().code, ErrorCode::too_large);
}

TEST(CloudEvents, KeepsTheNameDataForThePayload) {
  const Attributes attributes = {{"specversion", "1.0"}, {"id", "a"}, {"source", "s"}, {"type", "t"}, {"data", "x"}};
  EXPECT_THAT(faulty_fields(parse_binary_cloudevent(attributes, "", "{}", {})), ElementsAre("ce-data"));
}

TEST(CloudEvents, LimitsDepthSoThatTheEventCanBeReadBack) {
  const auto deep = [](std::size_t levels) {
    return "{\"x\":" + std::string(levels - 1, '[') + std::string(levels - 1, ']') + "}";
  };
  const Attributes attributes = {{"specversion", "1.0"}, {"id", "a"}, {"source", "s"}, {"type", "t"}};
  EXPECT_TRUE(parse_binary_cloudevent(attributes, "", deep(127), {}));
  EXPECT_EQ(parse_binary_cloudevent(attributes, "", deep(128), {}).error().code, ErrorCode::invalid);
}

}  // namespace
}  // namespace eventbus
