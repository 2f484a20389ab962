#include "eventbus/core/uuid.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <set>
#include <thread>
#include <vector>

namespace eventbus {
namespace {

TEST(Uuid, HasTheFormOfVersion7) {
  const std::regex form("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(std::regex_match(make_uuid_v7(), form));
}

TEST(Uuid, BeginsWithTheTime) {
  const auto before = std::chrono::duration_cast<std::chrono::milliseconds>(now().time_since_epoch()).count();
  const std::string id = make_uuid_v7();
  const auto stamp = static_cast<std::int64_t>(std::stoull(id.substr(0, 8) + id.substr(9, 4), nullptr, 16));
  EXPECT_GE(stamp, before - 1);
}

TEST(Uuid, SortsInTheOrderItWasMade) {
  std::vector<std::string> ids(100'000);
  std::ranges::generate(ids, make_uuid_v7);
  EXPECT_TRUE(std::ranges::is_sorted(ids));
  EXPECT_EQ(std::ranges::adjacent_find(ids), ids.end());
}

TEST(Uuid, IsUniqueAcrossThreads) {
  std::vector<std::vector<std::string>> made(4, std::vector<std::string>(5000));
  {
    std::vector<std::jthread> threads;
    threads.reserve(made.size());
    for (auto& ids : made) threads.emplace_back([&ids] { std::ranges::generate(ids, make_uuid_v7); });
  }
  std::set<std::string> all;
  for (const auto& ids : made) all.insert(ids.begin(), ids.end());
  EXPECT_EQ(all.size(), 20'000U);
}

}  // namespace
}  // namespace eventbus
