#include "eventbus/broker/rabbitmq/delivery_buffer.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace eventbus::rabbitmq {
namespace {

constexpr std::size_t size = 100'000;

HeldMessage message(std::uint64_t number, const std::string& key = "") {
  auto event = std::make_shared<Event>();
  event->ordering_key = key;
  event->payload.assign(size, 'x');
  HeldMessage held{.tag = {1, number}, .queued = {}};
  held.queued.event.event = std::move(event);
  return held;
}

TEST(DeliveryBuffer, LeasesWhatTheCreditPaysFor) {
  DeliveryBuffer buffer(false);
  for (std::uint64_t number = 1; number <= 5; ++number) buffer.arrived(number, message(number));
  EXPECT_EQ(buffer.lease({.events = 10, .bytes = 3 * size}, {}).size(), 2u);
  EXPECT_EQ(buffer.lease({.events = 1, .bytes = 3 * size}, {}).size(), 1u);
  EXPECT_EQ(buffer.lease({.events = 10, .bytes = 1}, {}).size(), 1u);
  EXPECT_EQ(buffer.lease({.events = 10}, {}).size(), 1u);
}

TEST(DeliveryBuffer, KnowsWhetherItCoversACredit) {
  DeliveryBuffer buffer(false);
  EXPECT_FALSE(buffer.covers({}));
  for (std::uint64_t number = 1; number <= 3; ++number) buffer.arrived(number, message(number));
  EXPECT_TRUE(buffer.covers({}));
  EXPECT_TRUE(buffer.covers({.events = 3}));
  EXPECT_FALSE(buffer.covers({.events = 4}));
  EXPECT_TRUE(buffer.covers({.events = 4, .bytes = 3 * size})) << "two are as much as the bytes pay for";
  EXPECT_FALSE(buffer.covers({.events = 4, .bytes = 4 * size}));
}

TEST(DeliveryBuffer, CountsWhatWaitsBehindItsKey) {
  DeliveryBuffer buffer(true);
  for (std::uint64_t number = 1; number <= 3; ++number) buffer.arrived(number, message(number, "k"));
  EXPECT_TRUE(buffer.covers({.events = 3}));
  EXPECT_EQ(buffer.lease({.events = 3}, {}).size(), 1u);
}

TEST(DeliveryBuffer, NamesADeliveryByItsAttempt) {
  DeliveryBuffer buffer(false);
  buffer.arrived(7, message(7));
  ASSERT_EQ(buffer.lease({}, {}).size(), 1u);
  const auto first = buffer.number_of(7);
  EXPECT_EQ(buffer.leased_as(first), 7u);
  ASSERT_TRUE(buffer.settle(7));
  EXPECT_FALSE(buffer.leased_as(first)) << "answered";
  buffer.hold(7, {.attempt = 2}, {});
  ASSERT_TRUE(buffer.tick(Timestamp{}).ready);
  ASSERT_EQ(buffer.lease({}, {}).size(), 1u);
  EXPECT_FALSE(buffer.leased_as(first));
  EXPECT_EQ(buffer.leased_as(buffer.number_of(7)), 7u);
}

TEST(DeliveryBuffer, GivesBackTheNewestOfWhatWaits) {
  DeliveryBuffer buffer(false);
  for (std::uint64_t number = 1; number <= 5; ++number) buffer.arrived(number, message(number));
  ASSERT_EQ(buffer.lease({.events = 2}, {}).size(), 2u);
  EXPECT_EQ(buffer.take_waiting(3).size(), 0u);
  const auto taken = buffer.take_waiting(1);
  ASSERT_EQ(taken.size(), 2u);
  EXPECT_EQ(taken.front().number, 4u);
  EXPECT_EQ(buffer.size(), 3u);
  EXPECT_EQ(buffer.waiting(), 1u);
}

TEST(DeliveryBuffer, PurgesWhatWaits) {
  DeliveryBuffer buffer(false);
  for (std::uint64_t number = 1; number <= 5; ++number) {
    auto one = message(number);
    one.queued.event.position = static_cast<Position>(number * 10);
    one.queued.direct = number == 3;
    buffer.arrived(number, std::move(one));
  }
  ASSERT_EQ(buffer.lease({.events = 1}, {}).size(), 1u);
  const auto waited = buffer.waiting_routed_to(40);
  EXPECT_EQ(waited, (std::vector<std::uint64_t>{2, 4}));
  EXPECT_EQ(buffer.all_waiting(), (std::vector<std::uint64_t>{2, 3, 4, 5}));
  ASSERT_EQ(buffer.lease({.events = 1}, {}).size(), 1u);
  EXPECT_EQ(buffer.purge(waited), (std::vector<std::uint64_t>{4})) << "the other one is in flight";
  EXPECT_EQ(buffer.in_flight(), 3u);
}

}  // namespace
}  // namespace eventbus::rabbitmq
