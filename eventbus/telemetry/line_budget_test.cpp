#include "eventbus/telemetry/line_budget.hpp"

#include <gtest/gtest.h>

namespace eventbus {
namespace {

using std::chrono::seconds;

constexpr LineBudget::Time began{seconds{1000}};

std::uint64_t written(LineBudget& budget, std::string_view message, int times, LineBudget::Time now) {
  std::uint64_t count = 0;
  for (int n = 0; n < times; ++n) count += budget.spend(message, now).write ? 1 : 0;
  return count;
}

TEST(LineBudget, WritesSoManyLinesOfAMessageAMinuteAndCountsTheRest) {
  LineBudget budget;
  EXPECT_EQ(written(budget, "refused", 1000, began), LineBudget::most_lines);
  EXPECT_EQ(written(budget, "refused", 1000, began + seconds{59}), 0u);
  const auto next = budget.spend("refused", began + seconds{60});
  EXPECT_TRUE(next.write);
  EXPECT_EQ(next.left_out, 2000 - LineBudget::most_lines);
  EXPECT_EQ(budget.spend("refused", began + seconds{60}).left_out, 0u);
}

TEST(LineBudget, TellsTheLastLineFromTheOthers) {
  LineBudget budget;
  std::uint64_t lines = 0;
  while (!budget.spend("refused", began).last) ++lines;
  EXPECT_EQ(lines + 1, LineBudget::most_lines);
  EXPECT_FALSE(budget.spend("refused", began).write);
}

TEST(LineBudget, IsOfEachMessage) {
  LineBudget budget;
  EXPECT_EQ(written(budget, "refused", 1000, began), LineBudget::most_lines);
  EXPECT_EQ(written(budget, "no answer", 3, began), 3u);
}

TEST(LineBudget, StaysSmallWhateverIsSaid) {
  LineBudget budget;
  for (int n = 0; n < 100'000; ++n) EXPECT_TRUE(budget.spend(std::to_string(n), began).write);
}

}  // namespace
}  // namespace eventbus
