#include "eventbus/sqlite/work_queue.hpp"

#include <gtest/gtest.h>
#include <malloc.h>

namespace eventbus::sqlite {
namespace {

QueuedWork numbered(int number, int& last_done) {
  return {[](Connection&) {}, [number, &last_done](const std::exception_ptr&) { last_done = number; }};
}

TEST(WorkQueue, HandsOverInOrderAndRefusesBeyondItsLimit) {
  WorkQueue queue(2);
  int last_done = 0;
  for (int number = 1; number <= 2; ++number) {
    auto item = numbered(number, last_done);
    EXPECT_TRUE(queue.push(item));
  }
  auto third = numbered(3, last_done);
  EXPECT_FALSE(queue.push(third));
  queue.pop()->done(nullptr);
  EXPECT_EQ(last_done, 1);
  EXPECT_TRUE(queue.push(third));
  const auto rest = queue.pop_all().size();
  EXPECT_EQ(rest, 2U);
  queue.close();
  EXPECT_FALSE(queue.pop());
  EXPECT_TRUE(queue.pop_all().empty());
}

TEST(WorkQueue, HoldsNoMemoryForWhatPassedWhileSomethingAlwaysWaits) {
  constexpr int passing = 200'000;
  constexpr std::size_t bound = std::size_t{64} << 10U;
  WorkQueue queue(100);
  int last_done = 0;
  auto waiting = numbered(0, last_done);
  ASSERT_TRUE(queue.push(waiting));
  const auto before = mallinfo2();
  for (int number = 1; number <= passing; ++number) {
    auto item = numbered(number, last_done);
    ASSERT_TRUE(queue.push(item));
    queue.pop()->done(nullptr);
  }
  EXPECT_EQ(last_done, passing - 1);
  const auto after = mallinfo2();
  EXPECT_LT(after.uordblks + after.hblkhd, before.uordblks + before.hblkhd + bound);
}

}  // namespace
}  // namespace eventbus::sqlite
