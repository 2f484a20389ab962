#include "eventbus/broker/rabbitmq/resting_message.hpp"

#include <gmock/gmock.h>

#include "eventbus/amqp/raw_properties.hpp"
#include "eventbus/broker/rabbitmq/names.hpp"
#include "eventbus/core/json.hpp"

namespace eventbus::rabbitmq {
namespace {

using testing::StartsWith;

constexpr Timestamp then{std::chrono::seconds{1'700'000'000}};
constexpr std::string_view deaths =
    R"([{"queue":"q","reason":"rejected","time":1700000009,"exchange":"events","routing-keys":["a.b","c"],"count":2},)"
    R"({"queue":"q.retry.5","reason":"expired","time":1600000000,"exchange":"","routing-keys":["q.retry.5"]},)"
    R"({"queue":"q","reason":"expired","time":1700000003,"exchange":"other","routing-keys":["x"]}])";

/// As RabbitMQ hands out what lies in "q.dlq".
amqp::ReceivedMessage from_dead_letter_queue(std::string body) {
  amqp::ReceivedMessage message;
  message.exchange = "events.dlx";
  message.routing_key = "q";
  message.body_bytes = body.size();
  message.body = std::move(body);
  message.raw_properties = amqp::encode(message.properties);
  message.properties.headers.emplace_back("x-death", amqp::JsonText{std::string(deaths)});
  return message;
}

StoredEvent stored_event() {
  Event event{.event_id = "e", .event_type = "t", .payload = "{}", .correlation_id = "e", .routing_key = "k"};
  return {.position = 7, .stored_at = then, .event = std::make_shared<Event>(event), .life = 3};
}

amqp::Headers headers_of(const amqp::Message& message) {
  return amqp::decode_properties(message.raw_properties).value().headers;
}

TEST(RestingMessage, TellsWhatRabbitMqNotedOfItsOwnQueue) {
  const auto letter = shown(to_rest(from_dead_letter_queue(R"({"event_id":"e","event_type":"t"})"), "q", then));
  EXPECT_EQ(letter.event.event->exchange, "events");
  EXPECT_EQ(letter.event.event->routing_key, "a.b");
  EXPECT_EQ(letter.reason, "rejected");
  EXPECT_EQ(letter.attempts, 1u);
  EXPECT_EQ(letter.first_failed_at, then + std::chrono::seconds{3});
  EXPECT_EQ(letter.last_failed_at, then + std::chrono::seconds{9});
}

TEST(RestingMessage, HasTheTimeOfItsIntakeWhereNothingElseIsKnown) {
  auto message = from_dead_letter_queue("{}");
  message.properties.headers.clear();
  const auto letter = shown(to_rest(message, "q", then));
  EXPECT_EQ(letter.first_failed_at, then);
  EXPECT_EQ(letter.last_failed_at, then);
  EXPECT_EQ(letter.reason, "rejected");
  EXPECT_EQ(letter.event.event->exchange, "events.dlx");
}

TEST(RestingMessage, ShowsWhatIsNoEvent) {
  auto message = from_dead_letter_queue("not JSON");
  message.properties.content_type = "text/plain";
  message.properties.headers.emplace_back("colour", std::string("red"));
  message.raw_properties = amqp::encode({.content_type = "text/plain", .headers = {{"colour", std::string("red")}}});
  const auto one = to_rest(message, "q", then);
  const auto other = to_rest(message, "q", then);
  EXPECT_NE(one.event_id, other.event_id);
  EXPECT_THAT(one.event_id, StartsWith("message-"));
  EXPECT_THAT(one.entry, StartsWith("#"));
  EXPECT_NE(one.entry, other.entry);
  const auto event = *shown(one).event.event;
  EXPECT_EQ(event.event_id, one.event_id);
  EXPECT_EQ(event.event_type, "malformed");
  EXPECT_EQ(event.payload, R"({"body":"not JSON","content_type":"text/plain","headers":{"colour":"red"}})");
  EXPECT_TRUE(parse_json_object(event.payload));
  message.body = std::string("\xff\0", 2);
  EXPECT_EQ(shown(to_rest(message, "q", then)).event.event->payload.substr(0, 19), R"({"body_hex":"ff00",)");
}

TEST(RestingMessage, OfAnEventWithoutATimeIsAlwaysShownTheSame) {
  const auto resting = to_rest(from_dead_letter_queue(R"({"event_id":"e","event_type":"t"})"), "q", then);
  const auto letter = shown(resting);
  EXPECT_EQ(letter.event.event->timestamp, letter.first_failed_at);
  EXPECT_EQ(letter.event.stored_at, letter.first_failed_at);
  const auto timed = R"({"event_id":"e","event_type":"t","timestamp":"2026-01-01T00:00:00Z"})";
  EXPECT_NE(shown(to_rest(from_dead_letter_queue(timed), "q", then)).event.event->timestamp, letter.first_failed_at);
}

TEST(RestingMessage, KeepsNoTextThatPostgreSqlRefuses) {
  auto message = from_dead_letter_queue("no event");
  message.properties.message_id = "id\xff";
  message.properties.headers = {{std::string(header::reason), std::string("r\0\xfe", 3)},
                                {std::string(header::exchange), std::string("x\xff")}};
  const auto resting = to_rest(message, "q", then);
  EXPECT_EQ(resting.death.reason, "r\xEF\xBF\xBD");
  EXPECT_EQ(resting.origin.exchange, "x\xEF\xBF\xBD");
}

TEST(RestingMessage, IsNamedByWhatItIsOfItsQueue) {
  QueuedEvent queued{.event = stored_event(), .trials = {}};
  EXPECT_THAT(entry_name(queued), StartsWith("3:7:"));
  auto other = queued;
  other.event.event = std::make_shared<Event>(Event{.event_id = "another"});
  EXPECT_NE(entry_name(other), entry_name(queued)) << "somebody copied our headers";
  queued.trials.entry = -5;
  EXPECT_THAT(entry_name(queued), StartsWith("3:-5:"));
  other.direct = true;
  EXPECT_EQ(entry_name(other), "") << "as older versions put it into the queue";
  other.trials.entered_at = then;
  EXPECT_NE(entry_name(other), "");
  EXPECT_EQ(entry_name(from_dead_letter_queue(R"({"event_id":"e","event_type":"t"})")), "");
}

TEST(RestingMessage, GoesBackAsItCameAndFresh) {
  auto message = from_dead_letter_queue("as it was");
  message.raw_properties = amqp::encode({.content_type = "a/b",
                                         .message_id = "m",
                                         .headers = {{"colour", std::string("red")},
                                                     {"x-first-death-queue", std::string("q")},
                                                     {"x-delivery-count", std::int64_t{3}},
                                                     {std::string(header::attempt), std::int64_t{4}},
                                                     {std::string(header::reason), std::string("r")}}});
  const auto back = redriven(to_rest(message, "q", then), "q", then);
  EXPECT_EQ(back.body, "as it was");
  EXPECT_EQ(back.exchange, "");
  EXPECT_EQ(back.routing_key, "q");
  const auto properties = amqp::decode_properties(back.raw_properties).value();
  EXPECT_EQ(properties.content_type, "a/b");
  EXPECT_EQ(properties.message_id, "m");
  const auto names = [](const amqp::Headers& headers) {
    std::vector<std::string> all;
    for (const auto& [name, value] : headers) all.push_back(name);
    return all;
  };
  EXPECT_THAT(names(properties.headers), testing::UnorderedElementsAre("colour", header::exchange, header::routing_key,
                                                                       header::entry, header::entered_at));
  EXPECT_LT(std::get<std::int64_t>(*amqp::find_header(properties.headers, header::entry)), 0);
}

TEST(RestingMessage, AnEventGoesBackWithANameOfItsOwn) {
  const QueuedEvent queued{.event = stored_event(), .trials = {.attempt = 3, .first_attempt_at = then}};
  const auto resting = to_rest(queued, {"broken", 3, then, then});
  const auto back = redriven(resting, "q", then + std::chrono::seconds{5});
  amqp::ReceivedMessage received;
  received.routing_key = "q";
  received.body = back.body;
  received.body_bytes = back.body.size();
  received.properties = amqp::decode_properties(back.raw_properties).value();
  const auto again = read_message(received).value();
  EXPECT_EQ(*again.event.event, *queued.event.event);
  EXPECT_EQ(again.event.position, 7);
  EXPECT_EQ(again.trials.attempt, 1u);
  EXPECT_EQ(again.entered_at(), then + std::chrono::seconds{5});
  EXPECT_TRUE(again.direct);
  EXPECT_THAT(entry_name(again), StartsWith("3:-"));
}

TEST(RestingMessage, WhatIsNoEventAndWasRedrivenHasANameOfItsOwn) {
  auto message = from_dead_letter_queue("no event");
  const auto first = to_rest(message, "q", then);
  message.properties = amqp::decode_properties(redriven(first, "q", then).raw_properties).value();
  const auto again = to_rest(message, "q", then);
  EXPECT_THAT(again.entry, StartsWith("0:-"));
  EXPECT_NE(again.entry, first.entry);
}

TEST(RestingMessage, KeepsWhatOthersPutIntoHeadersLikeOurs) {
  auto message = from_dead_letter_queue(R"({"event_id":")" + std::string(5000, 'i') + R"(","event_type":")" +
                                        std::string(200'000, 't') + R"(","timestamp":"2026-01-01T00:00:00Z"})");
  message.properties.headers = {{std::string(header::position), std::int64_t{1}},
                                {std::string(header::first_failed_at), std::int64_t{-1'000'000'000'000'000'000}}};
  message.body.replace(message.body.size() - 1, 1, R"(,"payload":{}})");
  message.body_bytes = message.body.size();
  const auto queued = read_message(message);
  ASSERT_TRUE(queued);
  const auto resting = to_rest(*queued, {"r", 1, queued->trials.first_failed_at, then});
  EXPECT_THAT(resting.event_id, StartsWith("message-"));
  EXPECT_EQ(resting.death.first_failed_at, first_moment);
  EXPECT_EQ(shown(resting).event.event->event_type.size(), 200'000u);
}

amqp::ReceivedMessage received(const amqp::Message& sent) {
  amqp::ReceivedMessage got;
  got.exchange = sent.exchange;
  got.routing_key = sent.routing_key;
  got.body = sent.body;
  got.body_bytes = sent.body.size();
  got.properties = sent.raw_properties.empty() ? sent.properties : amqp::decode_properties(sent.raw_properties).value();
  got.raw_properties = amqp::encode(got.properties);
  return got;
}

TEST(RestingMessage, CopiesOfWhatWasRoutedKeepItsName) {
  auto routed = event_message(stored_event());
  routed.exchange = "events";
  const auto first = read_message(received(routed)).value();
  const auto name = entry_name(first);
  EXPECT_THAT(name, StartsWith("3:7:"));
  const auto retry = read_message(received(direct_message(first.event, "q", next_trials(first.trials, then)))).value();
  EXPECT_EQ(entry_name(retry), name);
  EXPECT_EQ(entry_name(received(dead_letter_message(retry.event, "", "q.dlq", retry.trials, 2, "r", then))), name);
  EXPECT_EQ(entry_name(received(returned(received(routed), "q"))), name);
}

TEST(RestingMessage, WhatOlderVersionsPutIntoAQueueStaysWithoutAName) {
  auto old = direct_message(stored_event(), "q", {.attempt = 2});  // perhaps of what was redriven
  const auto queued = read_message(received(old)).value();
  EXPECT_EQ(entry_name(queued), "");
  const auto retry =
      read_message(received(direct_message(queued.event, "q", next_trials(queued.trials, then)))).value();
  EXPECT_EQ(entry_name(retry), "");
}

TEST(RestingMessage, ARetryOfWhatWasRedrivenIsHeldUnderAnotherName) {
  QueuedEvent queued{.event = stored_event(), .trials = {}};
  EXPECT_EQ(held_name(queued), "e");
  queued.trials.entry = -5;
  EXPECT_EQ(held_name(queued), "e -5");
}

TEST(RestingMessage, OnlyRabbitMqSaysThatItWasHandedOutTooOften) {
  auto message = from_dead_letter_queue("no event");
  message.properties.headers.emplace_back(header::reason, std::string("delivery_limit"));
  EXPECT_FALSE(handed_out_too_often(message, "q"));
  message.properties.headers = {{std::string(header::reason), std::string("rejected")},
                                {"x-death", amqp::JsonText{R"([{"queue":"q","reason":"delivery_limit"}])"}}};
  EXPECT_TRUE(handed_out_too_often(message, "q"));
  EXPECT_FALSE(handed_out_too_often(message, "another"));
}

TEST(RestingMessage, APostponedOneIsTheSameDeadLetter) {
  const auto message = from_dead_letter_queue("no event");
  const auto again = received(postponed(message, "q", then));
  EXPECT_EQ(again.routing_key, "q.dlq");
  const auto one = to_rest(message, "q", then);
  const auto other = to_rest(again, "q", then + std::chrono::hours{1});
  EXPECT_EQ(other.body, one.body);
  EXPECT_EQ(other.death.reason, one.death.reason);
  EXPECT_EQ(other.death.attempts, one.death.attempts);
  EXPECT_EQ(other.death.first_failed_at, one.death.first_failed_at);
  EXPECT_EQ(other.death.last_failed_at, one.death.last_failed_at);
  EXPECT_EQ(other.origin.exchange, one.origin.exchange);
  EXPECT_EQ(other.origin.routing_key, one.origin.routing_key);
}

TEST(RestingMessage, WhatWasHandedOutTooOftenComesBackWithItsTrials) {
  auto message = from_dead_letter_queue(R"({"event_id":"e","event_type":"t"})");
  message.raw_properties = amqp::encode({.headers = {{std::string(header::attempt), std::int64_t{4}},
                                                     {"x-delivery-count", std::int64_t{3}},
                                                     {"CC", std::string("others")}}});
  const auto headers = headers_of(returned(message, "q"));
  EXPECT_EQ(std::get<std::int64_t>(*amqp::find_header(headers, header::attempt)), 4);
  EXPECT_EQ(std::get<std::string>(*amqp::find_header(headers, header::routing_key)), "a.b");
  EXPECT_EQ(amqp::find_header(headers, "x-delivery-count"), nullptr);
  EXPECT_EQ(amqp::find_header(headers, "CC"), nullptr);
}

}  // namespace
}  // namespace eventbus::rabbitmq
