#include "eventbus/http/media_type.hpp"

#include <gtest/gtest.h>

#include <array>

namespace eventbus {
namespace {

TEST(MediaType, IgnoresCaseAndHarmlessParameters) {
  for (const auto* type : {"application/json", "Application/JSON ;charset=UTF-8", "application/json; charset=\"utf-8\"",
                           "application/json;x=y"}) {
    EXPECT_TRUE(is_media_type(type, json_type)) << type;
  }
  for (const auto* type :
       {"", "*/*", "text/plain", "application/jsonx", "application/json; charset=utf-16", "application/json5"}) {
    EXPECT_FALSE(is_media_type(type, json_type)) << type;
  }
}

TEST(Accept, PrefersByQualityThenByOffer) {
  constexpr std::array offered{json_type, ndjson_type};
  EXPECT_EQ(preferred_type("", offered), json_type);
  EXPECT_EQ(preferred_type("*/*", offered), json_type);
  EXPECT_EQ(preferred_type("application/x-ndjson", offered), ndjson_type);
  EXPECT_EQ(preferred_type("application/*;q=0.5, application/x-ndjson", offered), ndjson_type);
  EXPECT_EQ(preferred_type("text/html, */*;q=0.1", offered), json_type);
  EXPECT_EQ(preferred_type("application/json;q=0, */*", offered), ndjson_type);
  EXPECT_EQ(preferred_type("text/html", offered), "");
  EXPECT_EQ(preferred_type("application/json;q=nonsense", offered), "");
}

}  // namespace
}  // namespace eventbus
