#include "eventbus/broker/rabbitmq/settle_order.hpp"

#include <gmock/gmock.h>

#include "eventbus/broker/rabbitmq/delivery_id.hpp"

namespace eventbus::rabbitmq {
namespace {

using testing::ElementsAre;

Question there_and_back(const SettleOrder& order) {
  return std::get<Question>(read_mail(write(Question{.number = 7, .order = order})).value());
}

TEST(SettleOrder, TravelsWithAllItSays) {
  const auto acked = there_and_back({.action = SettleOrder::Action::ack, .queue = "q", .deliveries = {1, UINT64_MAX}});
  EXPECT_EQ(acked.number, 7);
  EXPECT_EQ(acked.order.action, SettleOrder::Action::ack);
  EXPECT_EQ(acked.order.queue, "q");
  EXPECT_THAT(acked.order.deliveries, ElementsAre(1, UINT64_MAX));

  const auto nacked = there_and_back({.action = SettleOrder::Action::nack,
                                      .queue = "q",
                                      .deliveries = {3},
                                      .nack = {.requeue = false, .delay = {}, .reason = "no \"money\"\n"}});
  EXPECT_EQ(nacked.order.action, SettleOrder::Action::nack);
  EXPECT_FALSE(nacked.order.nack.requeue);
  EXPECT_FALSE(nacked.order.nack.delay);
  EXPECT_EQ(nacked.order.nack.reason, "no \"money\"\n");

  const auto delayed = there_and_back({.action = SettleOrder::Action::nack,
                                       .queue = "q",
                                       .nack = {.requeue = true, .delay = std::chrono::milliseconds{0}, .reason = {}}});
  EXPECT_TRUE(delayed.order.nack.requeue);
  EXPECT_EQ(delayed.order.nack.delay, std::chrono::milliseconds{0});

  const auto extended =
      there_and_back({.action = SettleOrder::Action::extend, .queue = "q", .lease = std::chrono::milliseconds{4000}});
  EXPECT_EQ(extended.order.action, SettleOrder::Action::extend);
  EXPECT_EQ(extended.order.lease, std::chrono::milliseconds{4000});

  const auto purged =
      there_and_back({.action = SettleOrder::Action::purge, .queue = "q", .queue_id = 5, .purged_to = INT64_MAX});
  EXPECT_EQ(purged.order.action, SettleOrder::Action::purge);
  EXPECT_EQ(purged.order.queue_id, 5);
  EXPECT_EQ(purged.order.purged_to, INT64_MAX);
}

TEST(SettleOrder, AnswersTravelToo) {
  const Answer answer{.number = 9, .outcome = {.settled = 2, .unknown = {5, 6}, .trouble = "RabbitMQ is away"}};
  const auto read = std::get<Answer>(read_mail(write(answer)).value());
  EXPECT_EQ(read.number, 9);
  EXPECT_EQ(read.outcome.settled, 2);
  EXPECT_THAT(read.outcome.unknown, ElementsAre(5, 6));
  EXPECT_EQ(read.outcome.trouble, "RabbitMQ is away");
}

TEST(SettleOrder, PassesOverWhatANewerVersionMaySay) {
  EXPECT_FALSE(read_mail("nonsense"));
  EXPECT_FALSE(read_mail("{}"));
  EXPECT_FALSE(read_mail(R"({"question":1,"action":"forget","queue":"q"})"));
  EXPECT_FALSE(read_mail(R"({"question":1,"action":"ack"})"));
  EXPECT_TRUE(read_mail(R"({"question":1,"action":"ack","queue":"q","colour":"red"})"));
}

TEST(DeliveryId, ReadsOnlyWhatItWrites) {
  const DeliveryId id{.instance = 0x00ab, .number = 0x1f};
  EXPECT_EQ(encode(id), "00000000000000ab-1f");
  EXPECT_EQ(parse_delivery_id(encode(id)), id);
  const DeliveryId largest{.instance = UINT64_MAX, .number = UINT64_MAX};
  EXPECT_EQ(parse_delivery_id(encode(largest)), largest);
  for (const auto* text : {"", "-", "00000000000000ab", "00000000000000ab-", "00000000000000AB-1", "0000000000000ab-1",
                           "00000000000000ab-01", "00000000000000ab-1g", "00000000000000ab-10000000000000000"})
    EXPECT_FALSE(parse_delivery_id(text)) << text;
}

}  // namespace
}  // namespace eventbus::rabbitmq
