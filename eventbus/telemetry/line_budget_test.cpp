#include "eventbus/telemetry/line_budget.hpp"

#include <gtest/gtest.h>

namespace eventbus {
namespace {

using std::chrono::seconds;

constexpr LineBudget::Time start{seconds{1000}};

std::uint64_t written(LineBudget& budget, std::string_view message, int times, LineBudget::Time now) {
  std::uint64_t count = 0;
  for (int n = 0; n < times; ++n) count += budget.spend(message, now).write ? 1 : 0;
  return count;
}

TEST(LineBudget, WritesSoManyLinesOfAMessageAMinuteAndCountsTheRest) {
  LineBudget budget;
  EXPECT_EQ(written(budget, "refused", 1000, start), LineBudget::most_lines);
  EXPECT_EQ(written(budget, "refused", 1000, start + seconds{59}), 0u);
  const auto next = budget.spend("refused", start + seconds{60});
  EXPECT_TRUE(next.write);
  EXPECT_EQ(next.left_out, 2000 - LineBudget::most_lines);
  EXPECT_EQ(budget.spend("refused", start + seconds{60}).left_out, 0u);
}

TEST(LineBudget, TellsTheLastLineFromTheOthers) {
  LineBudget budget;
  std::uint64_t lines = 0;
  while (!budget.spend("refused", start).last) ++lines;
  EXPECT_EQ(lines + 1, LineBudget::most_lines);
  EXPECT_FALSE(budget.spend("refused", start).write);
}

TEST(LineBudget, IsOfEachMessage) {
  LineBudget budget;
  EXPECT_EQ(written(budget, "refused", 1000, start), LineBudget::most_lines);
  EXPECT_EQ(written(budget, "no answer", 3, start), 3u);
}

TEST(LineBudget, StaysSmallWhateverIsSaid) {
  LineBudget budget;
  for (int n = 0; n < 100'000; ++n) EXPECT_TRUE(budget.spend(std::to_string(n), start).write);
}

}  // namespace
}  // namespace eventbus
