#include "eventbus/core/batch_elements.hpp"

#include <gtest/gtest.h>

namespace eventbus {
namespace {

std::string shown(std::string_view body) {
  std::string out;
  for (const auto& [text, place] : batch_elements(body)) {
    out += std::to_string(place.line) + ':' + std::to_string(place.column) + ' ' + std::string(text) + '|';
  }
  return out;
}

TEST(BatchElements, StandWhereTheBodyHasThem) {
  EXPECT_EQ(shown(R"({"events":[{"a":[1,{}]},2 , "x,]" ]})"), R"(1:12 {"a":[1,{}]}|1:25 2 |1:29 "x,]" |)");
  EXPECT_EQ(shown("{ \"events\" :\n[\n  {\"é\":\"ü\"}, {\"b\":1}\r\n,\t3]}"),
            "3:3 {\"é\":\"ü\"}|3:14 {\"b\":1}\r\n|4:3 3|");
  EXPECT_EQ(shown("\n [ {} ,[[]], \"\\\"[\", null ]"), "2:4 {} |2:8 [[]]|2:14 \"\\\"[\"|2:21 null |");
  EXPECT_EQ(shown("[]"), "");
  EXPECT_EQ(shown(R"({"events":[]})"), "");
}

TEST(BatchElements, AreThoseOfTheLastRepeatedMember) {
  EXPECT_EQ(shown(R"({"events":[1,2],"events":[3]})"), "1:27 3|");
}

TEST(FaultyEvents, NameTheirIdWhateverElseIsWrong) {
  const auto id_of = [](std::string_view json, std::string_view member = "event_id") {
    return examine_faulty(json, member, {}).event_id;
  };
  EXPECT_EQ(id_of(R"({"event_id":"a\u0062","event_type":7,"x":1})"), "ab");
  EXPECT_EQ(id_of(R"({"id":"a"})", "id"), "a");
  for (const auto* text : {R"({"event_id":7})", R"({"event_id":""})", R"({"event_id":"a\n"})", R"({"event_id":"a")",
                           R"({"payload":{"event_id":"a"}})", "7", ""}) {
    EXPECT_EQ(id_of(text), "") << text;
  }
}

TEST(FaultyEvents, StandWhereTheyBeginOrBreak) {
  const auto place_of = [](std::string_view json) {
    const auto place = examine_faulty(json, "event_id", {.line = 7, .column = 3}).place;
    return std::to_string(place.line) + ':' + std::to_string(place.column);
  };
  EXPECT_EQ(place_of(R"({"event_type":1})"), "7:3");
  EXPECT_EQ(place_of(R"({"é":x})"), "7:8");
  EXPECT_EQ(place_of("{\n\"a\":}"), "8:5");
  EXPECT_EQ(place_of("{\"a\":\"\xFF\"}"), "7:9");
}

}  // namespace
}  // namespace eventbus
