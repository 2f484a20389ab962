#include "eventbus/core/json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "eventbus/core/canonical_json.hpp"

namespace eventbus {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string canonical(std::string_view json) {
  CanonicalJson document;
  const auto parsed = document.parse(json);
  return parsed ? std::string(document.text()) : "refused: " + parsed.error().detail;
}

Error refusal(std::string_view json) {
  CanonicalJson document;
  const auto parsed = document.parse(json);
  return parsed ? Error{ErrorCode::internal, "accepted " + std::string(json)} : parsed.error();
}

TEST(Json, DropsWhiteSpaceAndKeepsOrder) {
  EXPECT_EQ(canonical(" { \"b\" : [ 1 , true , null , { } , [ ] ] ,\n\t\"a\" : \"x y\" } "),
            R"({"b":[1,true,null,{},[]],"a":"x y"})");
}

TEST(Json, KeepsEveryDigit) {
  for (const char* number :
       {"0", "-0", "9223372036854775807", "18446744073709551616", "1234567890123456789012345678901234567890",
        "0.1000000000000000000000000000000000000001", "-1.50", "1e400", "1E-400", "-2.5e+10", "123456789012345.6789",
        "99999999999999999999999999999999.99999999999999999999999999999999e-7"}) {
    EXPECT_EQ(canonical(number), number);
    const std::string inside = std::string("[") + number + ",{\"n\":" + number + "}]";
    EXPECT_EQ(canonical(inside), inside);
    EXPECT_EQ(canonical(inside + std::string(100, ' ')), inside);
  }
}

TEST(Json, RefusesNumbersThatPostgresCannotHold) {
  EXPECT_EQ(canonical("1e131071"), "1e131071");
  EXPECT_EQ(canonical("1e-16383"), "1e-16383");
  for (const char* number : {"1e131072", "1e-16384", "1e99999999999", "1e-99999999999", "1e2147483647"}) {
    const Error error = refusal(std::string("{\"payload\":{\"n\":[") + number + "]}}");
    EXPECT_EQ(error.code, ErrorCode::invalid) << number;
    EXPECT_EQ(error.fields.at(0).field, "payload") << number;
    EXPECT_THAT(error.detail, HasSubstr("16383")) << number;
  }
  EXPECT_EQ(refusal(std::string(131'073, '9')).code, ErrorCode::invalid);
}

TEST(Json, EscapesAsLittleAsPossible) {
  EXPECT_EQ(canonical(R"("\u0041\/\"\\\b\f\n\r\t\u001f\u007f")"), "\"A/\\\"\\\\\\b\\f\\n\\r\\t\\u001f\x7f\"");
  EXPECT_EQ(canonical(R"("\u00e9\u20ac\ud83d\ude00")"), "\"é€😀\"");
  EXPECT_EQ(canonical("\"é€😀 plain\""), "\"é€😀 plain\"");
  const std::string longer(5000, 'x');
  EXPECT_EQ(canonical("\"" + longer + "\\n" + longer + "\""), "\"" + longer + "\\n" + longer + "\"");
}

TEST(Json, LastOfARepeatedKeyWinsAtEveryLevel) {
  EXPECT_EQ(canonical(R"({"a":1,"b":2,"a":3})"), R"({"b":2,"a":3})");
  EXPECT_EQ(canonical(R"({"a":1,"\u0061":[{"k":1,"k":2}]})"), R"({"a":[{"k":2}]})");
  EXPECT_EQ(canonical(R"([{"a":{"x":1,"x":{"y":1,"y":2}},"a":{"z":1}}])"), R"([{"a":{"z":1}}])");
  EXPECT_EQ(canonical(R"({"":1,"":2})"), R"({"":2})");
}

TEST(Json, ResolvesManyKeysWithoutQuadraticCost) {
  std::string different = "{";
  std::string same = "{";
  for (int i = 0; i < 100'000; ++i) {
    different += "\"key" + std::to_string(i) + "\":1,";
    same += "\"key\":" + std::to_string(i) + ",";
  }
  EXPECT_EQ(canonical(different + "\"end\":0}"), different + "\"end\":0}");
  EXPECT_EQ(canonical(same + "\"end\":0}"), R"({"key":99999,"end":0})");
}

TEST(Json, MatchesAMapOnRandomRepetitions) {
  std::mt19937 random(7);  // NOLINT: the same cases every time
  for (int round = 0; round < 300; ++round) {
    std::string text = "{";
    std::vector<std::pair<std::string, std::string>> last;
    const int count = static_cast<int>(random() % 60);
    for (int i = 0; i < count; ++i) {
      const std::string key = "k" + std::to_string(random() % 40);
      const std::string value = std::to_string(random() % 1000);
      std::erase_if(last, [&](const auto& member) { return member.first == key; });
      last.emplace_back(key, value);
      text += (i == 0 ? "\"" : ",\"") + key + "\":" + value;
    }
    const auto members = parse_json_object(text + "}");
    ASSERT_TRUE(members);
    ASSERT_EQ(members->size(), last.size());
    for (std::size_t i = 0; i < last.size(); ++i) {
      EXPECT_EQ((*members)[i].key, last[i].first);
      EXPECT_EQ((*members)[i].value, last[i].second);
    }
  }
}

TEST(Json, NamesLineAndColumn) {
  EXPECT_THAT(refusal("{\n  \"é\": 1,\n  \"ü\": x}").detail, StartsWith("Line 3, column 8: unexpected 'x'"));
  EXPECT_EQ(refusal("{\"a\":1").code, ErrorCode::malformed_json);
  EXPECT_THAT(refusal("{\"a\":1").detail, HasSubstr("ends too early"));
  EXPECT_THAT(refusal("{\"a\":1,}").detail, StartsWith("Line 1, column 8: a comma stands before the end"));
  EXPECT_THAT(refusal("{} {}").detail, StartsWith("Line 1, column 4: something follows"));
  EXPECT_THAT(refusal("{'a':1}").detail, HasSubstr("double quotes"));
  EXPECT_THAT(refusal("{/* no */}").detail, HasSubstr("comments"));
  EXPECT_THAT(refusal("").detail, HasSubstr("empty"));
  EXPECT_THAT(refusal(" \n ").detail, HasSubstr("empty"));
  EXPECT_THAT(refusal("\xEF\xBB\xBF{}").detail, HasSubstr("byte order mark"));
}

class Malformed : public testing::TestWithParam<const char*> {};

TEST_P(Malformed, IsRefused) {
  EXPECT_EQ(refusal(GetParam()).code, ErrorCode::malformed_json) << refusal(GetParam()).detail;
}

INSTANTIATE_TEST_SUITE_P(Texts, Malformed,
                         testing::Values("nul", "tru", "[1 2]", "{\"a\" 1}", "{a:1}", "[01]", "[1.]", "[.5]", "[+1]",
                                         "[1e]", "[NaN]", "[Infinity]", "[\"\x01\"]", "[\"\\x\"]", "[\"\\u12g4\"]", "[",
                                         "]", "[\"abc", "[1,]", "-", "--1", "\"\\", "\"\\u", "{\"a\":}", "[,1]", "0x10",
                                         "{\"a\":1 \"b\":2}", "\x7f"));

TEST(Json, RefusesWhatCannotBeStored) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({"payload":{"a":"x\u0000y"}})", "NUL"},
      {R"({"payload":{"a\u0000":1}})", "NUL"},
      {R"({"payload":"\ud800"})", "surrogate"},
      {R"({"payload":"\ud800 and some more text"})", "surrogate"},
      {R"({"payload":"\ud800\n and some more text"})", "surrogate"},
      {R"({"payload":"\ud83dx"})", "surrogate"},
      {R"({"payload":"\udc00 and some more text"})", "surrogate"},
      {R"({"payload":"\ud800\ud800 and some more text"})", "surrogate"},
      {R"({"payload":"\ud800\u0041 and some more text"})", "surrogate"},
      {"{\"payload\":\"\xC3\x28\"}", "UTF-8"},
      {"{\"payload\":\"\xFF\"}", "UTF-8"},
      {"{\"payload\":\"\xED\xA0\x80\"}", "UTF-8"},
      {"{\"payload\":\"\xC0\xAF\"}", "UTF-8"},
      {"{\"payload\":\"\xF4\x90\x80\x80\"}", "UTF-8"},
      {"{\"payload\":\"abc\xE2\x82", "UTF-8"},
  };
  for (const auto& [text, problem] : cases) {
    const Error error = refusal(text);
    EXPECT_EQ(error.code, ErrorCode::invalid) << text;
    EXPECT_THAT(error.detail, HasSubstr(problem)) << text;
    ASSERT_EQ(error.fields.size(), 1U) << text;
    EXPECT_EQ(error.fields[0].field, "payload") << text;
  }
}

std::string nested(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

TEST(Json, RefusesMoreThan128Levels) {
  EXPECT_EQ(canonical(nested(128)), nested(128));
  EXPECT_EQ(refusal(nested(129)).code, ErrorCode::invalid);
  EXPECT_THAT(refusal(nested(100'000)).detail, HasSubstr("128"));
}

TEST(Json, SplitsAnObject) {
  const auto members = parse_json_object(R"({"s":"a\u0062\n","n":1.50,"o":{"x": [1]},"e\"":null})");
  ASSERT_TRUE(members);
  ASSERT_EQ(members->size(), 4U);
  EXPECT_EQ((*members)[0].value, "ab\n");
  EXPECT_EQ((*members)[0].kind, JsonKind::string);
  EXPECT_EQ((*members)[1].value, "1.50");
  EXPECT_EQ((*members)[2].value, R"({"x":[1]})");
  EXPECT_EQ((*members)[3].key, "e\"");
  EXPECT_EQ((*members)[3].kind, JsonKind::null);
  EXPECT_EQ(parse_json_object("[]").error().code, ErrorCode::invalid);
  EXPECT_EQ(parse_json_object("{").error().code, ErrorCode::malformed_json);
}

TEST(Json, SplitsAnArray) {
  const auto elements = parse_json_array(R"([1, "a,]\"", {"b": [2, 3]}, [], false, null])");
  ASSERT_TRUE(elements);
  ASSERT_EQ(elements->size(), 6U);
  EXPECT_EQ((*elements)[1].second, R"("a,]\"")");
  EXPECT_EQ((*elements)[2], std::pair(JsonKind::object, std::string(R"({"b":[2,3]})")));
  EXPECT_EQ((*elements)[4].first, JsonKind::boolean);
  EXPECT_EQ(parse_json_array("{}").error().code, ErrorCode::invalid);
  EXPECT_TRUE(parse_json_array("[]")->empty());
}

TEST(Json, FindsTheEndOfStringsWithBackslashes) {
  const auto elements = parse_json_array(R"(["\\", "\\\"", "a\"b\\", ""])");
  ASSERT_TRUE(elements);
  ASSERT_EQ(elements->size(), 4U);
  EXPECT_EQ((*elements)[0].second, R"("\\")");
  EXPECT_EQ((*elements)[1].second, R"("\\\"")");
  EXPECT_EQ((*elements)[2].second, R"("a\"b\\")");
  EXPECT_EQ((*elements)[3].second, R"("")");
}

TEST(Json, AppendsStrings) {
  std::string out = "x";
  append_json_string(out, "a\"\\\n\x01é");
  EXPECT_EQ(out, "x\"a\\\"\\\\\\n\\u0001é\"");
}

TEST(Json, EscapesAtEveryOffset) {
  for (const std::string_view bad : {"\"", "\\", "\x1f", "\x01"}) {
    for (std::size_t before = 0; before < 20; ++before) {
      const std::string text = std::string(before, '!') + std::string(bad) + std::string(20 - before, '\xC3');
      std::string out;
      append_json_string(out, text);
      EXPECT_EQ(out.size(), text.size() + (bad[0] < 0x20 ? 7 : 3)) << before;
    }
  }
}

TEST(JsonEqual, ComparesValues) {
  EXPECT_TRUE(json_equal("1", "1.0"));
  EXPECT_TRUE(json_equal("1", "10e-1"));
  EXPECT_TRUE(json_equal("-0", "0.00e5"));
  EXPECT_TRUE(json_equal("1200", "1.2E3"));
  EXPECT_FALSE(json_equal("9007199254740992", "9007199254740993"));
  EXPECT_FALSE(json_equal("1", "-1"));
  EXPECT_FALSE(json_equal("1", "\"1\""));
  EXPECT_TRUE(json_equal(R"({"a":1,"b":[1,{"x":null}]})", R"({"b":[1.0,{"x":null}],"a":1})"));
  EXPECT_FALSE(json_equal(R"({"a":1})", R"({"a":1,"b":2})"));
  EXPECT_FALSE(json_equal(R"({"a":1})", R"({"b":1})"));
  EXPECT_FALSE(json_equal("[1,2]", "[2,1]"));
  EXPECT_FALSE(json_equal("[1,2]", "[1]"));
  EXPECT_FALSE(json_equal("true", "false"));
}

}  // namespace
}  // namespace eventbus
