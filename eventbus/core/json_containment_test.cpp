#include <gtest/gtest.h>

#include "eventbus/core/json.hpp"

namespace eventbus {
namespace {

bool contains(std::string_view document, std::string_view condition) {
  return JsonContainment::parse(condition).value().contained_in(document);
}

TEST(JsonContainment, ObjectsContainWhenEveryKeyDoes) {
  EXPECT_TRUE(contains(R"({"user_id":123,"name":"x"})", R"({"user_id": 123})"));
  EXPECT_TRUE(contains(R"({"user_id":123.0})", R"({"user_id":123})"));
  EXPECT_FALSE(contains(R"({"user_id":124})", R"({"user_id":123})"));
  EXPECT_FALSE(contains(R"({"user_id":"123"})", R"({"user_id":123})"));
  EXPECT_FALSE(contains(R"({"name":"x"})", R"({"user_id":123})"));
  EXPECT_TRUE(contains(R"({"a":{"b":{"c":1,"d":2}},"z":0})", R"({"a":{"b":{"d":2}}})"));
  EXPECT_FALSE(contains(R"({"b":{"d":2}})", R"({"a":{"b":{"d":2}}})"));
  EXPECT_TRUE(contains("{}", "{}"));
  EXPECT_TRUE(contains(R"({"a":1})", "{}"));
  EXPECT_TRUE(contains(R"({"é\n":"ü"})", R"({"\u00e9\u000a":"\u00fc"})"));
}

TEST(JsonContainment, ArraysContainInAnyOrderAndNumber) {
  EXPECT_TRUE(contains(R"({"a":[1,2,3]})", R"({"a":[3,1,1.0]})"));
  EXPECT_FALSE(contains(R"({"a":[1,2,3]})", R"({"a":[4]})"));
  EXPECT_TRUE(contains(R"({"a":[1,2,3]})", R"({"a":[]})"));
  EXPECT_TRUE(contains(R"({"a":[{"x":1,"y":2},{"x":2}]})", R"({"a":[{"x":2},{"y":2}]})"));
  EXPECT_FALSE(contains(R"({"a":[{"x":1},{"y":2}]})", R"({"a":[{"x":1,"y":2}]})"));
  EXPECT_TRUE(contains(R"({"a":[[1,2],[3]]})", R"({"a":[[2]]})"));
  EXPECT_FALSE(contains(R"({"a":[1,[2]]})", R"({"a":[2]})"));
  EXPECT_TRUE(contains(R"({"a":[null,true,"true"]})", R"({"a":["true",null]})"));
  EXPECT_FALSE(contains(R"({"a":["true"]})", R"({"a":[true]})"));
  EXPECT_FALSE(contains(R"({"a":1})", R"({"a":[1]})"));
  EXPECT_FALSE(contains(R"({"a":[1]})", R"({"a":1})"));
}

TEST(JsonContainment, RefusesWhatIsNoObject) {
  EXPECT_EQ(JsonContainment::parse("[1]").error().code, ErrorCode::invalid);
  EXPECT_EQ(JsonContainment::parse("{").error().code, ErrorCode::malformed_json);
  EXPECT_EQ(JsonContainment::parse(R"({ "b" : 1 })")->text(), R"({"b":1})");
}

std::string array_of(std::string_view element, std::size_t count) {
  std::string text = R"({"a":[)";
  for (std::size_t i = 0; i < count; ++i) text.append(i == 0 ? "" : ",").append(element);
  return text + "]}";
}

TEST(JsonContainment, BoundsItsWork) {
  EXPECT_TRUE(JsonContainment::parse(array_of(R"({"x":1})", 100)));
  EXPECT_EQ(JsonContainment::parse(array_of(R"({"x":1})", 101)).error().code, ErrorCode::invalid);
  const auto many_scalars = JsonContainment::parse(array_of("1", 10'000));
  EXPECT_FALSE(many_scalars->contained_in(array_of("2", 100'000)));
}

}  // namespace
}  // namespace eventbus
