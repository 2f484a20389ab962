#include "eventbus/core/log_lives.hpp"

#include <gtest/gtest.h>

namespace eventbus {
namespace {

TEST(LogLives, KnowWhichLifeGaveAPosition) {
  LogLives lives;
  EXPECT_EQ(lives.of(7), 0U);
  lives.begin(11, 5);
  lives.begin(12, 5);  // nothing was stored in the life before
  lives.begin(13, 8);
  EXPECT_EQ(lives.of(0), 0U);
  EXPECT_EQ(lives.of(5), 0U);
  EXPECT_EQ(lives.of(6), 12U);
  EXPECT_EQ(lives.of(8), 12U);
  EXPECT_EQ(lives.of(9), 13U);
}

TEST(LogLives, ACopyKnowsWhatItGaveAndNothingOfTheLogItWasTakenFrom) {
  LogLives original;
  original.begin(11, 5);
  LogLives copy = original;  // its last position is 7
  original.begin(12, 9);
  copy.begin(21, 7);
  for (const Position position : {0, 3, 5, 6, 7}) EXPECT_TRUE(copy.gave({position, original.of(position)})) << position;
  for (const Position position : {8, 9, 10, 11}) EXPECT_FALSE(copy.gave({position, original.of(position)})) << position;
  EXPECT_TRUE(copy.gave({20, copy.of(20)}));
  EXPECT_FALSE(copy.gave({20, 0})) << "from before lives were recorded, and from behind the copy";
}

TEST(LogLives, TakePlacesFromBeforeTheRememberedLivesAsTheyAre) {
  LogLives lives;
  for (std::size_t n = 1; n <= LogLives::most + 2; ++n) lives.begin(n, static_cast<Position>(n));
  EXPECT_EQ(lives.of(3), 0U);
  EXPECT_TRUE(lives.gave({3, 2}));
  EXPECT_EQ(lives.of(4), 3U);
  EXPECT_FALSE(lives.gave({4, 2}));
}

}  // namespace
}  // namespace eventbus
