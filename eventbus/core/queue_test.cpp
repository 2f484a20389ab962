#include "eventbus/core/queue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eventbus/core/event_rules.hpp"
#include "eventbus/core/queue_name.hpp"
#include "eventbus/core/test_faults.hpp"

namespace eventbus {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* bound = R"("bindings":[{"routing_key":"a.#"}])";

Result<QueueDefinition> parse_definition(std::string_view more, std::string_view name = "q") {
  return parse_queue_definition(name, "{" + std::string(bound) + std::string(more) + "}");
}

std::vector<std::string> definition_faults(std::string_view json) {
  return faulty_fields(parse_queue_definition("q", json));
}

TEST(QueueDefinition, HasTheDefaultsOfTheContract) {
  const auto definition = parse_definition("");
  ASSERT_TRUE(definition);
  QueueDefinition expected;
  expected.name = "q";
  expected.bindings = {{"events", "a.#"}};
  EXPECT_EQ(*definition, expected);
  EXPECT_EQ(definition->retry.max_retries, 3U);
  EXPECT_EQ(definition->lease, milliseconds{30000});
}

TEST(QueueDefinition, ReadsEveryField) {
  const auto definition =
      parse_definition(R"(,"max_retries":0,"retry_delay_ms":5,"retry_backoff":1.5,"retry_max_delay_ms":50,
    "message_ttl_ms":1,"max_length":10,"overflow":"drop_oldest","lease_ms":100,"ordered":true,
    "start_from":"2026-01-01T01:00:00+01:00","name":"q")");
  ASSERT_TRUE(definition) << definition.error().detail;
  EXPECT_EQ(definition->retry, (RetryPolicy{0, milliseconds{5}, 1.5, milliseconds{50}}));
  EXPECT_EQ(definition->message_ttl, milliseconds{1});
  EXPECT_EQ(definition->max_length, 10U);
  EXPECT_EQ(definition->overflow, Overflow::drop_oldest);
  EXPECT_EQ(definition->lease, milliseconds{100});
  EXPECT_TRUE(definition->ordered);
  EXPECT_EQ(definition->start_from, (StartFrom{StartFrom::Kind::time, *parse_timestamp("2026-01-01T00:00:00Z")}));
}

TEST(QueueDefinition, ComesBackFromItsText) {
  for (const char* more :
       {"", R"(,"message_ttl_ms":60000,"max_length":5,"overflow":"drop_oldest","start_from":"beginning")",
        R"(,"retry_backoff":1.1,"ordered":true,"start_from":"2026-01-01T00:00:00.000001Z")",
        R"(,"message_ttl_ms":null,"max_length":null)"}) {
    const auto definition = parse_definition(more, "a:b.c-d_1");
    ASSERT_TRUE(definition) << more;
    std::string text;
    append_queue_definition(text, *definition);
    const auto again = parse_queue_definition("a:b.c-d_1", text);
    ASSERT_TRUE(again) << text;
    EXPECT_EQ(*again, *definition);
  }
}

TEST(QueueDefinition, ShowsEveryField) {
  std::string text;
  append_queue_definition(text, *parse_definition(""));
  EXPECT_EQ(
      text,
      R"({"name":"q","bindings":[{"exchange":"events","routing_key":"a.#"}],"max_retries":3,"retry_delay_ms":1000,)"
      R"("retry_backoff":2,"retry_max_delay_ms":60000,"message_ttl_ms":null,"max_length":null,"overflow":"reject",)"
      R"("lease_ms":30000,"ordered":false,"start_from":"now"})");
}

TEST(QueueDefinition, NamesEveryBadField) {
  EXPECT_THAT(definition_faults("{}"), ElementsAre("bindings"));
  EXPECT_THAT(definition_faults("[]"), ElementsAre("body"));
  EXPECT_THAT(
      definition_faults(
          R"({"bindings":[],"max_retries":-1,"retry_delay_ms":1.5,"retry_backoff":0.5,"retry_max_delay_ms":"1",
    "message_ttl_ms":0,"max_length":0,"overflow":"drop","lease_ms":99,"ordered":1,"start_from":"soon","colour":3,"name":"other"})"),
      ElementsAre("bindings", "max_retries", "retry_delay_ms", "retry_backoff", "retry_max_delay_ms", "message_ttl_ms",
                  "max_length", "overflow", "lease_ms", "ordered", "start_from", "colour", "name"));
  EXPECT_THAT(
      definition_faults(R"({"bindings":[{"routing_key":"us*"},{"exchange":"a b"},7,{"routing_key":"a","exchang":"b"},
    {"routing_key":null}]})"),
      ElementsAre("bindings[0].routing_key", "bindings[1].exchange", "bindings[1].routing_key", "bindings[2]",
                  "bindings[3].exchang", "bindings[4].routing_key"));
  EXPECT_THAT(definition_faults(R"({"bindings":[{"routing_key":"a"}],"lease_ms":43200001})"), ElementsAre("lease_ms"));
  EXPECT_THAT(definition_faults(R"({"bindings":[{"routing_key":"a"}],"max_length":99999999999999999999})"),
              ElementsAre("max_length"));
}

TEST(QueueDefinition, PassesOverWhatIsReportedBesidesIt) {
  const auto definition = parse_definition(
      R"(,"paused":true,"ready":-1,"in_flight":"x","delayed":null,"dead_letters":[],"consumers":1.5,"oldest_age_seconds":{})");
  ASSERT_TRUE(definition) << definition.error().detail;
  EXPECT_EQ(*definition, *parse_definition(""));
}

TEST(QueueDefinition, SaysThatPushIsNotSupported) {
  EXPECT_THAT(parse_definition(R"(,"push":{"url":"https://example.org"})").error().detail,
              HasSubstr("push queues are not supported"));
}

TEST(QueueDefinition, BoundsBindingsAndDropsRepeatedOnes) {
  std::string many = R"({"bindings":[{"routing_key":"k0"})";
  for (int i = 1; i < 1000; ++i) many += R"(,{"routing_key":"k)" + std::to_string(i) + "\"}";
  EXPECT_EQ(parse_queue_definition("q", many + "]}")->bindings.size(), 1000U);
  EXPECT_THAT(definition_faults(many + R"(,{"routing_key":"x"}]})"), ElementsAre("bindings"));
  EXPECT_EQ(parse_queue_definition("q", R"({"bindings":[{"routing_key":"a"},{"routing_key":"a","exchange":"events"}]})")
                ->bindings.size(),
            1U);
}

TEST(QueueName, IsChecked) {
  for (const std::string& name :
       {std::string("orders.eu:1-a_b"), std::string(200, 'q'), std::string("bestellungen für Köln"),
        std::string("a?b#c%d"), std::string("..."), std::string("amqp"), std::string("q.dlq.x"), std::string("q.retry"),
        std::string("q.retry.1s"), std::string("retry.1")}) {
    EXPECT_EQ(queue_name_fault(name), "") << name;
    EXPECT_TRUE(parse_queue_definition(name, R"({"bindings":[{"routing_key":"a"}]})")) << name;
  }
  for (const std::string& name :
       {std::string(), std::string(201, 'q'), std::string("ü") + std::string(199, 'q'), std::string("a/b"),
        std::string("a\tb"), std::string("a\0b", 3), std::string("\xC2\x85"), std::string("\u2028"),
        std::string("\xFF"), std::string("."), std::string(".."), std::string("amq."), std::string("amq.x"),
        std::string("q.dlq"), std::string(".dlq"), std::string("q.dlx"), std::string("q.retry.1000"),
        std::string("q.retry7")}) {
    EXPECT_NE(queue_name_fault(name), "") << name;
    EXPECT_EQ(parse_queue_definition(name, R"({"bindings":[{"routing_key":"a"}]})").error().fields.at(0).field, "queue")
        << name;
  }
}

TEST(QueueName, MayBeAnyOfWhatIsStored) {
  QueueDefinition old;
  old.name = std::string(250, 'q') + ".dlq";
  old.bindings = {{"amq.topic", "user.*"}, {"orders.dlx", "#"}};
  std::string text;
  append_queue_definition(text, old);
  EXPECT_EQ(read_queue_definition(text), old);
}

TEST(Exchange, IsNoneOfRabbitMqsOwnNorOneOfDeadLetters) {
  EXPECT_EQ(exchange_fault("orders.dlx.x"), "");
  for (const std::string name : {"amq.topic", "orders.dlx", ".dlx"}) {
    EXPECT_NE(exchange_fault(name), "") << name;
    EXPECT_THAT(definition_faults(R"({"bindings":[{"routing_key":"a","exchange":")" + name + "\"}]}"),
                ElementsAre("bindings[0].exchange"));
  }
}

}  // namespace
}  // namespace eventbus
