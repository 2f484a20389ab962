#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eventbus/delivery/key_locks.hpp"
#include "eventbus/delivery/lease_table.hpp"
#include "eventbus/delivery/routing_table.hpp"

namespace eventbus::delivery {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(RoutingTable, MatchesEachQueueOnceUntilItIsRemoved) {
  RoutingTable table;
  const std::vector<Binding> users{{"events", "user.*"}, {"events", "user.#"}, {"audit", "#"}};
  table.add(3, users);
  table.add(1, {{"events", "#"}});
  EXPECT_THAT(table.match("events", "user.created"), ElementsAre(1, 3));
  EXPECT_THAT(table.match("audit", "x"), ElementsAre(3));
  EXPECT_THAT(table.match("other", "x"), IsEmpty());
  table.remove(3, users);
  EXPECT_THAT(table.match("events", "user.created"), ElementsAre(1));
  EXPECT_THAT(table.match("audit", "x"), IsEmpty());
}

TEST(RoutingTable, ForgetsAnswersWhenTheyGrowTooMany) {
  RoutingTable table(32);
  table.add(1, {{"events", "user.*"}});
  for (int round = 0; round < 2; ++round) {
    for (int number = 0; number < 50; ++number) {
      EXPECT_THAT(table.match("events", "user." + std::to_string(number)), ElementsAre(1));
    }
  }
}

TEST(LeaseTable, EndsLeasesInTheOrderOfTheirEnds) {
  LeaseTable leases;
  const Timestamp now{seconds{1000}};
  const auto late = leases.name(now + seconds{9});
  const auto soon = leases.name(now + seconds{1});
  const auto answered = leases.name(now + seconds{1});
  leases.open(late, {1});
  leases.open(soon, {2, 3});
  leases.open(answered, {4});
  leases.close(answered);
  leases.close(soon);
  EXPECT_EQ(leases.next_end(), now + seconds{1});
  const auto ended = leases.take_ended(now + seconds{1});
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_THAT(ended[0].second, ElementsAre(2, 3));
  EXPECT_EQ(leases.next_end(), late.until);
}

Seat seat(Position position) {
  return seat_of({.position = position});
}

TEST(KeyLocks, PassesAKeyOnInOrder) {
  KeyLocks locks;
  EXPECT_TRUE(locks.acquire(1, seat(5)));
  EXPECT_TRUE(locks.acquire(1, seat(5)));
  EXPECT_FALSE(locks.acquire(1, seat(9)));
  EXPECT_FALSE(locks.acquire(1, seat(7)));
  EXPECT_TRUE(locks.acquire(2, seat(8)));
  EXPECT_EQ(locks.release(1, seat(9)), std::nullopt);
  EXPECT_EQ(locks.release(1, seat(5)), seat(7));
  EXPECT_EQ(locks.release(1, seat(7)), std::nullopt);
  EXPECT_EQ(locks.keys(), 1u);
}

TEST(KeyLocks, HashesKeysAsWrittenOnDisk) {
  EXPECT_EQ(hash_ordering_key(""), 0u);
  EXPECT_EQ(hash_ordering_key("a"), 0xaf63dc4c8601ec8cULL);
}

}  // namespace
}  // namespace eventbus::delivery
