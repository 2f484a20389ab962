#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eventbus/broker/embedded/binding_history.hpp"
#include "eventbus/broker/embedded/body_cache.hpp"

namespace eventbus::embedded {
namespace {

using std::chrono::seconds;

TEST(BindingHistory, RoutesByTheEpochOfThePosition) {
  BindingHistory history({{0, {{"events", "a"}}}, {10, {{"events", "b"}}}}, 0, {});
  history.change(20, {{"events", "c"}});
  const auto matches = [&history](Position position, const char* key) {
    return history.matches(position, {}, "events", key);
  };
  EXPECT_TRUE(matches(10, "a"));
  EXPECT_FALSE(matches(11, "a"));
  EXPECT_TRUE(matches(11, "b"));
  EXPECT_TRUE(matches(20, "b"));
  EXPECT_TRUE(matches(21, "c"));
  history.change(20, {{"events", "d"}});
  EXPECT_FALSE(matches(21, "c"));
  EXPECT_TRUE(matches(21, "d"));
  history.forget(10);
  EXPECT_EQ(history.epochs().size(), 2u);
  EXPECT_TRUE(matches(11, "b"));
}

TEST(BindingHistory, LeavesOutWhatHappenedBeforeTheStart) {
  const Timestamp noon{seconds{1000}};
  BindingHistory history({{0, {{"events", "#"}}}}, 5, {StartFrom::Kind::time, noon});
  EXPECT_FALSE(history.matches(5, noon - seconds{1}, "events", "a"));
  EXPECT_TRUE(history.matches(5, noon, "events", "a"));
  EXPECT_TRUE(history.matches(6, noon - seconds{1}, "events", "a"));
}

StoredEvent stored(Position position) {
  auto event = std::make_shared<Event>();
  event->payload = std::string(500, 'x');
  return {position, {}, event};
}

TEST(BodyCache, KeepsTheNewestWithinItsBytes) {
  BodyCache cache(5000);
  for (Position position = 11; position <= 40; ++position) cache.append(stored(position), position - 1);
  EXPECT_TRUE(cache.covers(39));
  EXPECT_FALSE(cache.covers(10));
  EXPECT_NE(cache.find(40), nullptr);
  EXPECT_EQ(cache.find(11), nullptr);
  EXPECT_EQ(cache.find(41), nullptr);
  EXPECT_EQ(cache.tail()[cache.tail_index(38)].position, 39);
  for (Position position = 1; position <= 9; ++position) cache.keep(stored(position));
  EXPECT_NE(cache.find(9), nullptr);
  EXPECT_EQ(cache.find(1), nullptr);
}

TEST(BodyCache, FindsPositionsBesideHoles) {
  BodyCache cache(100000);
  for (const Position position : {2, 5, 6, 9}) cache.append(stored(position), position - 1);
  EXPECT_TRUE(cache.covers(1));
  EXPECT_FALSE(cache.covers(0));
  EXPECT_EQ(cache.tail_index(2), 1u);
  EXPECT_EQ(cache.tail_index(7), 3u);
  EXPECT_EQ(cache.find(4), nullptr);
  EXPECT_EQ(cache.find(9)->position, 9);
}

}  // namespace
}  // namespace eventbus::embedded
