#include "eventbus/http/query.hpp"

#include <gtest/gtest.h>

namespace eventbus {
namespace {

std::string named(const Error& error) {
  return error.fields.empty() ? "" : error.fields.front().field;
}

TEST(Query, SplitsAndDecodes) {
  const auto query = parse_query("a=1&b=%7B%22x%22%3A1%7D&&c&d=x+y%2Bz&e=");
  ASSERT_TRUE(query);
  ASSERT_EQ(query->size(), 5U);
  EXPECT_EQ((*query)[1].value, R"({"x":1})");
  EXPECT_EQ((*query)[2].name, "c");
  EXPECT_EQ((*query)[3].value, "x y+z");
  EXPECT_EQ((*query)[4].value, "");
}

TEST(Query, KeepsRawUtf8AndEverythingAfterTheFirstEquals) {
  const auto query = parse_query("k=ü=%C3%BC");
  ASSERT_TRUE(query);
  EXPECT_EQ(query->front().value, "ü=ü");
}

TEST(Query, NamesEveryBrokenParameter) {
  const auto query = parse_query("good=1&bad=%zz&short=%4&utf8=%ff&nul=%00&good=2");
  ASSERT_FALSE(query);
  ASSERT_EQ(query.error().fields.size(), 5U);
  EXPECT_EQ(query.error().code, ErrorCode::invalid);
  EXPECT_EQ(query.error().fields[1].field, "short");
  EXPECT_EQ(query.error().fields[4].field, "good");
}

TEST(Query, ABrokenNameIsAFaultOfTheQuery) {
  const auto query = parse_query("%ff=1");
  ASSERT_FALSE(query);
  EXPECT_EQ(named(query.error()), "query");
}

TEST(Query, EmptyHasNoParameters) {
  EXPECT_TRUE(parse_query("")->empty());
}

TEST(DecodePercent, DecodesPathsWithoutTouchingPlus) {
  EXPECT_EQ(decode_percent("leveldb%2F54f1+%c3%BC", "event_id").value(), "leveldb/54f1+ü");
}

TEST(DecodePercent, RefusesWhatIsNotStrict) {
  for (const auto* text : {"%", "%4", "%g0", "%0g", "%00", "%ff", "%C3", "%ED%A0%80", "%F4%90%80%80", "%C0%AF"}) {
    const auto decoded = decode_percent(text, "queue");
    ASSERT_FALSE(decoded) << text;
    EXPECT_EQ(named(decoded.error()), "queue");
  }
}

TEST(Utf8, KnowsTheBoundariesOfEachLength) {
  for (const auto* good : {"", "a", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
                           "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(valid_utf8(good)) << good;
  }
  for (const auto* bad : {"\x80", "\xC1\xBF", "\xC2", "\xE0\x9F\x80", "\xED\xA0\x80", "\xF0\x8F\x80\x80",
                          "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xE2\x82"}) {
    EXPECT_FALSE(valid_utf8(bad)) << bad;
  }
}

TEST(PathEncoding, RoundTripsEveryByteOfUtf8) {
  const std::string id = "repo/a b?#%ü~._-";
  std::string path;
  append_path_encoded(path, id);
  EXPECT_EQ(path, "repo/a%20b%3F%23%25%C3%BC~._-");
  EXPECT_EQ(decode_percent(path, "event_id").value(), id);
}

}  // namespace
}  // namespace eventbus
