#include "eventbus/http/problem.hpp"

#include <gtest/gtest.h>

#include "eventbus/http/body_fields.hpp"

namespace eventbus {
namespace {

TEST(Problem, HasTheMembersOfTheContract) {
  std::string out;
  append_problem(out, {ErrorCode::invalid, "say \"why\"", {{"a", "must be 1"}, {"b.c[0]", "is required"}}}, "id-1",
                 R"(,"more":1)");
  EXPECT_EQ(out,
            R"({"type":"/docs#error-invalid","title":"The request has wrong or missing fields","status":422,)"
            R"("detail":"say \"why\"","code":"invalid","correlation_id":"id-1",)"
            R"("errors":[{"field":"a","message":"must be 1"},{"field":"b.c[0]","message":"is required"}],"more":1})");
}

TEST(Problem, WithoutFieldsHasNoErrors) {
  std::string out;
  append_problem(out, {ErrorCode::queue_full, "full"}, "id-1");
  EXPECT_TRUE(out.ends_with(R"("detail":"full","code":"queue_full","correlation_id":"id-1"})")) << out;
}

TEST(Problem, OfAnEventSaysWhereItIsAndWhetherToTryAgain) {
  std::string out;
  append_event_error(out, {ErrorCode::queue_full, "full"}, {.line = 3, .column = 7});
  EXPECT_EQ(out, R"({"code":"queue_full","detail":"full","retryable":true,"line":3,"column":7})");
  out.clear();
  append_event_error(out, {ErrorCode::invalid, "wrong", {{"a", "must be 1"}}}, {});
  EXPECT_EQ(out, R"({"code":"invalid","detail":"wrong","retryable":false,"line":1,"column":1,)"
                 R"("errors":[{"field":"a","message":"must be 1"}]})");
}

TEST(BodyFields, ReadTypedMembers) {
  auto fields =
      BodyFields::parse(R"({"n":7,"yes":true,"text":"x","list":["a","","q\"\u00e9"]})", {"n", "yes", "text", "list"});
  ASSERT_TRUE(fields);
  EXPECT_EQ(fields->integer("n", 1, 10), 7U);
  EXPECT_EQ(fields->boolean("yes"), true);
  EXPECT_EQ(fields->text("text", 5), "x");
  EXPECT_EQ(fields->texts("list", 1, 5), (std::vector<std::string>{"a", "", "q\"é"}));
  EXPECT_EQ(fields->integer("missing", 1, 10), std::nullopt);
  EXPECT_TRUE(fields->check());
}

TEST(BodyFields, OneAnswerNamesEveryFault) {
  auto fields = BodyFields::parse(R"({"n":1.5,"m":"7","yes":1,"text":"","list":[1],"few":[],"x":0,"neg":-1})",
                                  {"n", "m", "yes", "text", "list", "few", "neg"});
  ASSERT_TRUE(fields);
  fields->integer("n", 0, 10);
  fields->integer("m", 0, 10);
  fields->integer("neg", 0, 10);
  fields->boolean("yes");
  fields->text("text", 5);
  fields->texts("list", 1, 5);
  fields->texts("few", 1, 5);
  fields->require("gone");
  ASSERT_FALSE(fields->check());
  EXPECT_EQ(fields->check().error().fields.size(), 9U);
  EXPECT_EQ(fields->check().error().fields.front().field, "x");
}

TEST(BodyFields, AnythingButAnObjectIsRefused) {
  EXPECT_EQ(BodyFields::parse("", {"n"}).error().code, ErrorCode::malformed_json);
  EXPECT_EQ(BodyFields::parse("{", {"n"}).error().code, ErrorCode::malformed_json);
  EXPECT_EQ(BodyFields::parse("[]", {"n"}).error().code, ErrorCode::invalid);
}

}  // namespace
}  // namespace eventbus
