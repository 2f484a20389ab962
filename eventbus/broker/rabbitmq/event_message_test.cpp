#include "eventbus/broker/rabbitmq/event_message.hpp"

#include <gmock/gmock.h>

#include "eventbus/broker/rabbitmq/names.hpp"

namespace eventbus::rabbitmq {
namespace {

using testing::HasSubstr;

constexpr std::size_t a_mebibyte = std::size_t{1} << 20U;
constexpr std::size_t longest_routing_key = 255;  // bytes, AMQP 0-9-1

amqp::ReceivedMessage message(std::string body) {
  amqp::ReceivedMessage received;
  received.exchange = "events";
  received.routing_key = "user.created";
  received.body_bytes = body.size();
  received.body = std::move(body);
  return received;
}

std::string fault_of(const amqp::ReceivedMessage& received) {
  const auto draft = read_publish_request(received, a_mebibyte);
  return draft ? "" : draft.error().detail;
}

TEST(EventMessage, TakesTheMessageIdWhereTheBodyHasNone) {
  auto received = message(R"({"event_type":"user.created"})");
  EXPECT_THAT(fault_of(received), HasSubstr("neither the body nor the message_id"));
  received.properties.message_id = "m-1";
  const auto draft = read_publish_request(received, a_mebibyte).value();
  EXPECT_EQ(draft.event->event_id, "m-1");
  EXPECT_EQ(draft.event->correlation_id, "m-1");
  received.properties.correlation_id = "c-1";
  EXPECT_EQ(read_publish_request(received, a_mebibyte)->event->correlation_id, "c-1");
  received.properties.message_id = "m\x01";
  EXPECT_THAT(fault_of(received), HasSubstr("message_id"));
  received.properties.message_id = "m\xff";
  EXPECT_THAT(fault_of(received), HasSubstr("message_id must be valid UTF-8"));
}

TEST(EventMessage, PassesOverPropertiesThatMeanNothingToUs) {
  auto received = message(R"({"event_id":"e","event_type":"user.created"})");
  received.properties.correlation_id = "\xff\x01";
  received.properties.headers.emplace_back(header::traceparent, "nonsense");
  received.properties.headers.emplace_back(header::cloudevent, "no JSON");
  const auto queued = read_message(received).value();
  EXPECT_EQ(queued.event.event->correlation_id, "e");
  EXPECT_EQ(queued.event.event->traceparent, "");
  EXPECT_EQ(queued.event.event->cloudevent, "");
}

TEST(EventMessage, ReadsAnyPayloadOfWhatWasStored) {
  for (const std::string payload : {"[1]", R"("text")", "1E5", "null", "true"}) {
    const StoredEvent stored{1,
                             {},
                             std::make_shared<Event>(Event{.event_id = "e",
                                                           .event_type = "com.acme/thing:ü",
                                                           .payload = payload,
                                                           .correlation_id = "e",
                                                           .routing_key = "com.acme/thing:ü",
                                                           .cloudevent = R"({"source":"/s"})"})};
    const auto sent = event_message(stored);
    auto received = message(sent.body);
    received.routing_key = sent.routing_key;
    received.properties = sent.properties;
    EXPECT_EQ(*read_message(received)->event.event, *stored.event) << payload;
    EXPECT_EQ(read_publish_request(received, a_mebibyte)->event->payload, payload);
    received.properties.headers.clear();
    EXPECT_THAT(fault_of(received), HasSubstr("payload: must be a JSON object"));
    EXPECT_FALSE(read_message(received));
  }
}

TEST(EventMessage, ReadsStoredEventsOfAnySize) {
  const auto received =
      message(R"({"event_id":"e","event_type":"t","payload":{"text":")" + std::string(2 * a_mebibyte, 'x') + R"("}})");
  EXPECT_TRUE(read_message(received));
  EXPECT_THAT(fault_of(received), HasSubstr("at most"));
}

TEST(EventMessage, ComesBackAsItWasSent) {
  Event event;
  event.event_id = "e-1";
  event.event_type = "user.created";
  event.correlation_id = "c-1";
  event.ordering_key = "k";
  event.routing_key = "eu.user";
  event.payload = R"({"n":12345678901234567890})";
  event.timestamp = Timestamp{std::chrono::microseconds{1'700'000'000'123'456}};
  event.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  event.cloudevent = R"({"source":"/here"})";
  const StoredEvent stored{.position = 7, .stored_at = event.timestamp, .event = std::make_shared<Event>(event)};
  const auto sent = event_message(stored);
  auto received = message(sent.body);
  received.exchange = sent.exchange;
  received.routing_key = sent.routing_key;
  received.properties = sent.properties;
  const auto queued = read_message(received).value();
  EXPECT_EQ(*queued.event.event, event);
  EXPECT_EQ(queued.event.position, 7);
  EXPECT_EQ(queued.event.stored_at, stored.stored_at);
}

StoredEvent taken_over(std::string type, std::string payload) {
  Event event;
  event.event_id = "e 1";
  event.event_type = event.routing_key = std::move(type);
  event.correlation_id = event.event_id;
  event.payload = std::move(payload);
  return {.position = 7, .stored_at = event.timestamp, .event = std::make_shared<Event>(std::move(event))};
}

amqp::ReceivedMessage received(const amqp::Message& sent) {
  auto got = message(sent.body);
  got.exchange = sent.exchange;
  got.routing_key = sent.routing_key;
  got.properties = sent.properties;
  return got;
}

TEST(EventMessage, AnEventOfAnEarlierServiceComesBackAsItIs) {
  for (const auto& type : std::vector<std::string>{"User Created", "order:created", "", "a..b", "#", "ünï/cödé\n",
                                                   std::string(300, 't')}) {
    for (const std::string payload : {"{}", "[1,\"two\"]", "\"text\"", "-1.50", "null", R"({"a":{"b":"\u0001"}})"}) {
      const auto stored = taken_over(type, payload);
      std::vector ways{direct_message(stored, "q", {})};
      if (type.size() <= longest_routing_key) ways.push_back(event_message(stored));
      for (const auto& sent : ways) {
        EXPECT_TRUE(amqp::check_message(sent, a_mebibyte)) << type.size();
        const auto queued = read_message(received(sent));
        ASSERT_TRUE(queued) << type << payload;
        EXPECT_EQ(*queued->event.event, *stored.event) << type << payload;
      }
    }
  }
}

TEST(EventMessage, OnlyWhatWasStoredMayBreakTheRules) {
  EXPECT_FALSE(read_message(message(R"({"event_id":"e","event_type":"User Created"})")));
  std::string deep;
  for (int level = 0; level < 200; ++level) deep = "[" + deep + "]";
  EXPECT_FALSE(read_message(received(direct_message(taken_over("t", deep), "q", {}))));
}

}  // namespace
}  // namespace eventbus::rabbitmq
