#include "eventbus/core/error.hpp"

#include <gtest/gtest.h>

#include <set>

namespace eventbus {
namespace {

TEST(Error, EveryCodeHasAStatusAndAUniqueName) {
  std::set<std::string_view> names;
  for (int code = 0; code <= static_cast<int>(ErrorCode::internal); ++code) {
    const ErrorDescription description = describe(static_cast<ErrorCode>(code));
    EXPECT_GE(description.status, 400);
    EXPECT_LE(description.status, 503);
    EXPECT_FALSE(description.title.empty());
    EXPECT_EQ(description.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string_view::npos);
    EXPECT_TRUE(names.insert(description.name).second) << description.name;
  }
}

TEST(Error, KeepsTheContract) {
  EXPECT_EQ(describe(ErrorCode::malformed_json).status, 400);
  EXPECT_EQ(describe(ErrorCode::invalid).status, 422);
  EXPECT_EQ(describe(ErrorCode::conflict).status, 409);
  EXPECT_EQ(describe(ErrorCode::conflict).name, "event_conflict");
  EXPECT_EQ(describe(ErrorCode::queue_conflict).name, "queue_conflict");
  EXPECT_EQ(describe(ErrorCode::too_large).status, 413);
  EXPECT_EQ(describe(ErrorCode::queue_full).status, 429);
  EXPECT_EQ(describe(ErrorCode::unavailable).status, 503);
}

TEST(Error, FailMakesAnUnexpected) {
  const Result<int> result = fail(ErrorCode::invalid, "no", {{"limit", "must be 1 to 10000"}});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::invalid);
  EXPECT_EQ(result.error().fields.at(0).field, "limit");
}

TEST(Unavailable, TellsTheLogWhatItKeepsFromTheClient) {
  Unavailable away("connecting to ann@db.internal:5432/orders", "no answer");
  EXPECT_STREQ(away.what(), "connecting to ann@db.internal:5432/orders: no answer");
  EXPECT_EQ(away.client_detail().find("db.internal"), std::string::npos);
  EXPECT_NE(away.client_detail().find("Retry-After"), std::string::npos);
  EXPECT_EQ(away.tell_client("The disk is full.").client_detail(), "The disk is full.");
}

}  // namespace
}  // namespace eventbus
