#include "eventbus/library/deduplicator.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace eventbus {
namespace {

TEST(Deduplicator, knows_what_it_was_told) {
  Deduplicator seen;
  EXPECT_FALSE(seen.contains("a"));
  EXPECT_TRUE(seen.remember("a"));
  EXPECT_TRUE(seen.contains("a"));
  EXPECT_FALSE(seen.remember("a"));
  EXPECT_EQ(seen.size(), 1U);
}

TEST(Deduplicator, keeps_its_own_copy_of_an_id) {
  Deduplicator seen;
  std::string id = "short";
  seen.remember(id);
  id = "other";
  EXPECT_TRUE(seen.contains("short"));
  EXPECT_FALSE(seen.contains("other"));
}

TEST(Deduplicator, forgets_the_oldest_beyond_its_capacity) {
  Deduplicator seen(2);
  for (const auto* id : {"a", "b", "a", "c"}) seen.remember(id);
  EXPECT_FALSE(seen.contains("a"));
  EXPECT_TRUE(seen.contains("b"));
  EXPECT_TRUE(seen.contains("c"));
  EXPECT_EQ(seen.size(), 2U);
}

TEST(Deduplicator, is_bounded_however_many_ids_come) {
  Deduplicator seen(10);
  for (int number = 0; number < 10'000; ++number) seen.remember(std::to_string(number));
  EXPECT_EQ(seen.size(), 10U);
  EXPECT_TRUE(seen.contains("9990"));
  EXPECT_FALSE(seen.contains("9989"));
}

TEST(Deduplicator, remembers_at_least_one) {
  Deduplicator seen(0);
  seen.remember("a");
  EXPECT_TRUE(seen.contains("a"));
}

TEST(Deduplicator, tells_one_of_many_threads_that_an_id_is_new) {
  Deduplicator seen;
  std::atomic<int> first = 0;
  {
    std::vector<std::jthread> threads;
    threads.reserve(4);
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&seen, &first] {
        for (int number = 0; number < 1000; ++number) first += seen.remember(std::to_string(number)) ? 1 : 0;
      });
    }
  }
  EXPECT_EQ(first, 1000);
}

}  // namespace
}  // namespace eventbus
