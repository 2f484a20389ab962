#include "eventbus/http/parameters.hpp"

#include <gtest/gtest.h>

namespace eventbus {
namespace {

TEST(Parameters, ReadsTypedValues) {
  const auto query = parse_query("limit=7&atomic=true&order=desc&key=k&at=2026-01-02T03:04:05Z").value();
  Parameters parameters(query);
  EXPECT_EQ(parameters.integer("limit", 1, 10, 5), 7U);
  EXPECT_TRUE(parameters.flag("atomic"));
  EXPECT_EQ(parameters.choice("order", {"asc", "desc"}), "desc");
  EXPECT_EQ(parameters.text("key"), "k");
  EXPECT_EQ(parameters.time("at"), parse_timestamp("2026-01-02T03:04:05Z"));
  EXPECT_TRUE(parameters.check());
}

TEST(Parameters, MissingOnesHaveTheirFallback) {
  Parameters parameters({});
  EXPECT_EQ(parameters.integer("limit", 1, 10, 5), 5U);
  EXPECT_FALSE(parameters.flag("atomic"));
  EXPECT_EQ(parameters.choice("order", {"asc", "desc"}), "asc");
  EXPECT_TRUE(parameters.text("key").empty());
  EXPECT_FALSE(parameters.time("at"));
  EXPECT_TRUE(parameters.check());
}

TEST(Parameters, OneAnswerNamesEveryFault) {
  const auto query = parse_query("limit=11&low=0&word=x1&neg=-1&atomic=yes&order=up&key=&at=now").value();
  Parameters parameters(query);
  parameters.integer("limit", 1, 10, 5);
  parameters.integer("low", 1, 10, 5);
  parameters.integer("word", 1, 10, 5);
  parameters.integer("neg", 0, 10, 5);
  parameters.flag("atomic");
  parameters.choice("order", {"asc", "desc"});
  parameters.text("key");
  parameters.time("at");
  const auto checked = parameters.check();
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().fields.size(), 8U);
  EXPECT_EQ(checked.error().fields.front().message, "must be an integer from 1 to 10");
}

TEST(QueryTime, AnUnescapedPlusOfTheOffsetIsUnderstood) {
  const auto query = parse_query("at=2026-01-02T03:04:05+02:00").value();
  EXPECT_EQ(parse_query_time(query.front().value), parse_timestamp("2026-01-02T03:04:05+02:00"));
  EXPECT_EQ(parse_query_time("2026-01-02 03:04:05Z"), parse_timestamp("2026-01-02T03:04:05Z"));
  EXPECT_FALSE(parse_query_time(" 00:00"));
}

}  // namespace
}  // namespace eventbus
