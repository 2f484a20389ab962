#include "eventbus/client/json_object.hpp"

#include <gmock/gmock.h>

namespace eventbus {
namespace {

using ::testing::ElementsAre;

TEST(JsonObject, ReadsMembersWithoutLosingDigits) {
  const JsonObject object(
      R"({"s":"a\"b","n":12345678901234567890123,"t":true,"z":null,"o":{"x":1},"l":["p","q"],"r":[{"k":"v"}]})");
  EXPECT_EQ(object.text("s"), "a\"b");
  EXPECT_EQ(object.text("n"), "12345678901234567890123");
  EXPECT_TRUE(object.truth("t"));
  EXPECT_FALSE(object.has("z"));
  EXPECT_EQ(object.object("o").number("x"), 1);
  EXPECT_THAT(object.texts("l"), ElementsAre("p", "q"));
  EXPECT_EQ(object.objects("r").front().text("k"), "v");
  EXPECT_EQ(object.text("missing"), "");
}

TEST(JsonObject, RefusesWhatIsNone) {
  EXPECT_THROW(JsonObject("<html>"), ForeignAnswer);
}

TEST(JsonWriter, EscapesTexts) {
  EXPECT_EQ(JsonWriter().text("a", "x\"y").number("b", 5).texts("c", {"d"}).text_if("e", "").done(),
            R"({"a":"x\"y","b":5,"c":["d"]})");
  EXPECT_EQ(JsonWriter().done(), "{}");
}

}  // namespace
}  // namespace eventbus
