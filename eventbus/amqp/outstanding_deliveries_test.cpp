#include "eventbus/amqp/outstanding_deliveries.hpp"

#include <gmock/gmock.h>

namespace eventbus::amqp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint64_t generation = 7;

std::vector<DeliveryTag> tags(const std::vector<std::uint64_t>& numbers) {
  std::vector<DeliveryTag> result;
  result.reserve(numbers.size());
  for (const auto number : numbers) result.push_back({generation, number});
  return result;
}

OutstandingDeliveries deliveries_up_to(std::uint64_t last) {
  OutstandingDeliveries deliveries;
  deliveries.reset(generation);
  for (std::uint64_t number = 1; number <= last; ++number) deliveries.delivered(number);
  return deliveries;
}

TEST(OutstandingDeliveries, GroupsWhatTheServerCanTakeTogether) {
  struct Case {
    std::string_view name;
    std::vector<std::vector<std::uint64_t>> sets;  ///< Settled one after the other.
    std::vector<SettlementFrame> last;             ///< The frames of the last set.
  };
  const std::vector<Case> table{
      {"the oldest alone", {{1}}, {{1, false}}},
      {"all", {{1, 2, 3, 4, 5, 6}}, {{6, true}}},
      {"all in any order", {{3, 1, 6, 2, 5, 4}}, {{6, true}}},
      {"the oldest and a later one", {{1, 2, 5}}, {{2, true}, {5, false}}},
      {"not the oldest", {{2, 3, 4}}, {{2, false}, {3, false}, {4, false}}},
      {"a gap that closes", {{2, 3}, {1}}, {{1, false}}},
      {"a gap that closes and more", {{2, 3}, {1, 4}}, {{4, true}}},
      {"none", {{}}, {}},
  };
  for (const auto& [name, sets, expected] : table) {
    auto deliveries = deliveries_up_to(6);
    OutstandingDeliveries::Plan plan;
    for (const auto& set : sets) plan = deliveries.settle(tags(set));
    EXPECT_EQ(plan.frames, expected) << name;
    EXPECT_THAT(plan.unknown, IsEmpty()) << name;
  }
}

TEST(OutstandingDeliveries, KeepsBackTagsThatTheServerDoesNotKnow) {
  auto deliveries = deliveries_up_to(3);
  EXPECT_EQ(deliveries.settle(tags({2})).frames, (std::vector<SettlementFrame>{{2, false}}));
  const std::vector<DeliveryTag> mixed{
      {generation, 2}, {generation - 1, 1}, {generation, 9}, {generation, 1}, {generation, 1}};
  const auto plan = deliveries.settle(mixed);
  EXPECT_EQ(plan.frames, (std::vector<SettlementFrame>{{1, false}}));
  EXPECT_THAT(plan.unknown, ElementsAre(mixed[0], mixed[1], mixed[2], mixed[4]));
  EXPECT_EQ(deliveries.size(), 1u);
}

TEST(OutstandingDeliveries, ForgetsTheDeliveriesOfAnOlderOpening) {
  auto deliveries = deliveries_up_to(3);
  deliveries.reset(generation + 1);
  deliveries.delivered(1);
  const auto plan = deliveries.settle(tags({1, 2}));
  EXPECT_THAT(plan.frames, IsEmpty());
  EXPECT_EQ(plan.unknown, tags({1, 2}));
  EXPECT_EQ(deliveries.settle({{generation + 1, 1}}).frames, (std::vector<SettlementFrame>{{1, false}}));
}

}  // namespace
}  // namespace eventbus::amqp
