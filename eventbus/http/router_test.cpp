#include "eventbus/http/router.hpp"

#include <gtest/gtest.h>

#include <set>

namespace eventbus {
namespace {

const Router& router() {
  static const Router instance(all_routes());
  return instance;
}

std::string_view operation(http::verb method, std::string_view path) {
  const auto match = router().find(method, path);
  return match.route == nullptr ? "" : match.route->operation_id;
}

TEST(Router, FindsOperations) {
  EXPECT_EQ(operation(http::verb::post, "/events"), "publishEvent");
  EXPECT_EQ(operation(http::verb::get, "/events"), "listEvents");
  EXPECT_EQ(operation(http::verb::post, "/events/batch"), "publishBatch");
  EXPECT_EQ(operation(http::verb::get, "/events/stream"), "streamEvents");
  EXPECT_EQ(operation(http::verb::get, "/events/abc"), "getEvent");
  EXPECT_EQ(operation(http::verb::put, "/queues/q"), "declareQueue");
  EXPECT_EQ(operation(http::verb::post, "/queues/q/receive"), "receive");
  EXPECT_EQ(operation(http::verb::get, "/queues/q/dead-letters"), "listDeadLetters");
  EXPECT_EQ(operation(http::verb::post, "/queues/q/dead-letters/redrive"), "redriveDeadLetters");
  EXPECT_EQ(operation(http::verb::head, "/health"), "getHealth");
}

TEST(Router, TakesSlashesIntoAnEventIdOnly) {
  EXPECT_EQ(router().find(http::verb::get, "/events/leveldb/54f1/x").parameter, "leveldb/54f1/x");
  EXPECT_EQ(router().find(http::verb::get, "/events/leveldb%2F54f1").parameter, "leveldb%2F54f1");
  EXPECT_EQ(router().find(http::verb::get, "/queues/my.queue/dead-letters").parameter, "my.queue");
  EXPECT_EQ(router().find(http::verb::get, "/queues/a/b").entry, nullptr);
  EXPECT_EQ(router().find(http::verb::get, "/queues/").entry, nullptr);
  EXPECT_EQ(router().find(http::verb::get, "/events/").entry, nullptr);
  EXPECT_EQ(router().find(http::verb::get, "/queues//receive").entry, nullptr);
}

TEST(Router, KnowsWhatAPathAllows) {
  const auto match = router().find(http::verb::patch, "/queues/q");
  ASSERT_NE(match.entry, nullptr);
  EXPECT_EQ(match.route, nullptr);
  EXPECT_EQ(match.entry->allow, "DELETE, GET, HEAD, OPTIONS, PUT");
  EXPECT_EQ(router().find(http::verb::get, "/events/batch").entry->allow, "OPTIONS, POST");
  EXPECT_EQ(router().find(http::verb::get, "/").entry, nullptr);
  EXPECT_EQ(router().find(http::verb::get, "/EVENTS").entry, nullptr);
}

TEST(RouteTable, IsConsistent) {
  std::set<std::string_view> ids;
  std::set<std::pair<http::verb, std::string_view>> places;
  for (const auto& route : router().routes()) {
    EXPECT_TRUE(ids.insert(route.operation_id).second) << route.operation_id;
    EXPECT_TRUE(places.emplace(route.method, route.path).second) << route.path;
    EXPECT_FALSE(route.summary.empty()) << route.path;
    EXPECT_FALSE(route.answers.empty()) << route.path;
  }
}

}  // namespace
}  // namespace eventbus
