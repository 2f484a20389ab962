#include <gmock/gmock.h>

#include "eventbus/amqp/connection.hpp"
#include "eventbus/amqp/testing/test_bench.hpp"

namespace eventbus::amqp {
namespace {

using testing::Each;

class PublishTest : public testing::Test {
 protected:
  PublishTest() { EXPECT_TRUE(bench.run(connection.declare_queue({.name = "q"}, bench.soon()))); }

  std::vector<Fate> publish(std::vector<Message> messages) {
    return bench.run(connection.publish(std::move(messages), bench.soon())).value();
  }
  std::vector<ReceivedMessage> receive(std::size_t count) {
    Listener listener;
    const auto consumer = connection.consume("q", 60000, listener.handler());
    EXPECT_TRUE(bench.run_until([&] { return listener.messages.size() >= count; }));
    return listener.messages;
  }

  TestBench bench{TestServer::shared()};
  Connection connection{bench.loop.get_executor(), bench.settings()};
};

TEST_F(PublishTest, CarriesEveryProperty) {
  Message message{.exchange = "",
                  .routing_key = "q",
                  .body = std::string("zero\0byte", 9),
                  .properties = {.content_type = "application/json",
                                 .delivery_mode = 2,
                                 .message_id = "id-1",
                                 .type = "order.placed",
                                 .timestamp = std::chrono::sys_seconds{std::chrono::seconds{1234567890}},
                                 .correlation_id = "c-1",
                                 .reply_to = "back",
                                 .expiration = "600000",
                                 .app_id = "test",
                                 .headers = {{"flag", true}, {"number", std::int64_t{-7}}, {"text", "grüße"}}}};
  EXPECT_EQ(publish({message}), std::vector{Fate::confirmed});
  const auto received = receive(1);
  ASSERT_EQ(received.size(), 1U);
  EXPECT_EQ(received[0].body, message.body);
  EXPECT_EQ(received[0].routing_key, "q");
  EXPECT_EQ(received[0].properties, message.properties);
  EXPECT_FALSE(received[0].redelivered);
}

TEST_F(PublishTest, KeepsOrderWithinAndAcrossCalls) {
  constexpr int calls = 20;
  constexpr int messages_a_call = 500;
  std::vector<std::future<Result<std::vector<Fate>>>> fates;
  fates.reserve(calls);
  for (int call = 0; call < calls; ++call) {
    fates.push_back(asio::co_spawn(
        bench.loop, connection.publish(numbered("q", call * messages_a_call, messages_a_call), bench.soon()),
        asio::use_future));
  }
  bench.run_until([&] { return fates.back().wait_for(std::chrono::seconds{0}) == std::future_status::ready; });
  for (auto& fate : fates) EXPECT_THAT(fate.get().value(), Each(Fate::confirmed));
  const auto received = receive(calls * messages_a_call);
  ASSERT_EQ(received.size(), std::size_t{calls} * messages_a_call);
  for (std::size_t at = 0; at < received.size(); ++at) ASSERT_EQ(received[at].body, std::to_string(at));
}

TEST_F(PublishTest, TellsReturnedMessagesFromConfirmedOnes) {
  auto messages = numbered("q", 0, 4);
  messages[1].routing_key = "nowhere";
  messages[2].routing_key = "nowhere";
  messages[2].mandatory = false;
  EXPECT_EQ(publish(messages), (std::vector{Fate::confirmed, Fate::returned, Fate::confirmed, Fate::confirmed}));
}

TEST_F(PublishTest, TellsWhatAFullQueueRefuses) {
  QueueSpec full{.name = "full", .arguments = {{"x-max-length", std::int64_t{1}}, {"x-overflow", "reject-publish"}}};
  ASSERT_TRUE(bench.run(connection.declare_queue(full, bench.soon())));
  EXPECT_EQ(publish(numbered("full", 0, 1)), std::vector{Fate::confirmed});
  EXPECT_EQ(publish(numbered("full", 1, 1)), std::vector{Fate::nacked});
}

TEST_F(PublishTest, CarriesLargeBodies) {
  auto messages = numbered("q", 0, 2);
  messages[0].body = std::string(std::size_t{2} << 20U, 'x');
  EXPECT_EQ(publish(messages), (std::vector{Fate::confirmed, Fate::confirmed}));
  EXPECT_EQ(receive(2)[0].body, messages[0].body);
}

TEST_F(PublishTest, RefusesWhatCanNotBeSent) {
  auto messages = numbered("q", 0, 2);
  messages[1].body = std::string((std::size_t{2} << 20U) + 1, 'x');
  const auto refused = bench.run(connection.publish(messages, bench.soon()));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::too_large);
  EXPECT_EQ(bench.run(connection.inspect_queue("q", bench.soon()))->ready, 0U);
}

TEST_F(PublishTest, HealsTheChannelWhenAnExchangeIsMissing) {
  auto lost = numbered("q", 0, 1);
  lost[0].exchange = "missing";
  EXPECT_EQ(publish(lost), std::vector{Fate::unknown});
  EXPECT_THAT(connection.trouble(), testing::HasSubstr("no exchange 'missing'"));
  EXPECT_EQ(publish(numbered("q", 0, 1)), std::vector{Fate::confirmed});
  EXPECT_EQ(connection.state(), LinkState::connected);
}

}  // namespace
}  // namespace eventbus::amqp
