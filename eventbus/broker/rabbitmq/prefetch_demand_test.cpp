#include "eventbus/broker/rabbitmq/prefetch_demand.hpp"

#include <gtest/gtest.h>

namespace eventbus::rabbitmq {
namespace {

using std::chrono::seconds;

const PrefetchDemand::Time start{seconds{1000}};

PrefetchDemand of_small_ones(std::uint16_t most) {
  PrefetchDemand demand(most);
  demand.weigh(300);
  return demand;
}

TEST(PrefetchDemand, IsLittleWhileNoSizeIsKnown) {
  PrefetchDemand demand(1000);
  demand.begin(1000, start);
  EXPECT_EQ(demand.wanted(start), PrefetchDemand::least);
  demand.weigh(300);
  EXPECT_EQ(demand.wanted(start), 1000);
}

TEST(PrefetchDemand, IsTwiceWhatIsAskedForAtATime) {
  auto demand = of_small_ones(1000);
  EXPECT_EQ(demand.wanted(start), PrefetchDemand::least);
  demand.begin(16, start);
  EXPECT_EQ(demand.wanted(start), 32);
  demand.begin(84, start);
  EXPECT_EQ(demand.wanted(start), 200);
  demand.begin(5000, start);
  EXPECT_EQ(demand.wanted(start), 1000);
}

TEST(PrefetchDemand, ForgetsWhoAskedLongAgo) {
  auto demand = of_small_ones(1000);
  demand.begin(100, start);
  demand.end(100);
  EXPECT_EQ(demand.wanted(start + PrefetchDemand::memory - seconds{1}), 200);
  EXPECT_EQ(demand.wanted(start + PrefetchDemand::memory), 200);
  EXPECT_EQ(demand.wanted(start + 2 * PrefetchDemand::memory), PrefetchDemand::least);
}

TEST(PrefetchDemand, ForgetsNobodyWhoStillAsks) {
  auto demand = of_small_ones(1000);
  demand.begin(100, start);
  EXPECT_EQ(demand.wanted(start + 10 * PrefetchDemand::memory), 200);
  demand.begin(50, start + 20 * PrefetchDemand::memory);
  EXPECT_EQ(demand.wanted(start + 20 * PrefetchDemand::memory), 300);
  demand.end(100);
  EXPECT_EQ(demand.wanted(start + 30 * PrefetchDemand::memory), 100);
}

TEST(PrefetchDemand, IsNoMoreThanSomeBytes) {
  PrefetchDemand demand(1000);
  demand.begin(1000, start);
  for (int count = 0; count < 300; ++count) demand.weigh(std::size_t{1} << 20U);
  EXPECT_EQ(demand.wanted(start), 32);
  for (int count = 0; count < 300; ++count) demand.weigh(std::size_t{4} << 20U);
  EXPECT_EQ(demand.wanted(start), 8);
  for (int count = 0; count < 300; ++count) demand.weigh(std::size_t{100} << 20U);
  EXPECT_EQ(demand.wanted(start), 1);
  for (int count = 0; count < 1000; ++count) demand.weigh(100);
  EXPECT_EQ(demand.wanted(start), 1000);
}

TEST(PrefetchDemand, IsNoMoreThanTheSettingSays) {
  auto demand = of_small_ones(5);
  EXPECT_EQ(demand.wanted(start), 5);
  demand.begin(100, start);
  EXPECT_EQ(demand.wanted(start), 5);
}

}  // namespace
}  // namespace eventbus::rabbitmq
