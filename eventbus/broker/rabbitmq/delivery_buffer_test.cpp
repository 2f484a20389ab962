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

}  // namespace
}  // namespace eventbus::rabbitmq
