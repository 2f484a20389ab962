#include "eventbus/core/timestamp.hpp"

#include <gtest/gtest.h>

namespace eventbus {
namespace {

std::string round(std::string_view text) {
  const auto time = parse_timestamp(text);
  return time ? format_timestamp(*time) : "refused";
}

TEST(Timestamp, ReadsRfc3339) {
  EXPECT_EQ(round("2026-11-23T17:49:13Z"), "2026-11-23T17:49:13Z");
  EXPECT_EQ(round("2026-11-23T17:49:13.5Z"), "2026-11-23T17:49:13.5Z");
  EXPECT_EQ(round("2026-11-23T17:49:13.000001Z"), "2026-11-23T17:49:13.000001Z");
  EXPECT_EQ(round("2026-11-23T17:49:13.120000Z"), "2026-11-23T17:49:13.12Z");
  EXPECT_EQ(round("2026-11-23t17:49:13z"), "2026-11-23T17:49:13Z");
  EXPECT_EQ(round("2026-11-23 17:49:13+00:00"), "2026-11-23T17:49:13Z");
}

TEST(Timestamp, CutsFractionsToMicroseconds) {
  EXPECT_EQ(round("2026-11-23T17:49:13.1234567Z"), "2026-11-23T17:49:13.123456Z");
  EXPECT_EQ(round("2026-11-23T17:49:13.999999999Z"), "2026-11-23T17:49:13.999999Z");
  EXPECT_EQ(round("1969-12-31T23:59:59.999999999Z"), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(round("2026-11-23T17:49:13.000000001Z"), "2026-11-23T17:49:13Z");
}

TEST(Timestamp, ConvertsOffsetsToUtc) {
  EXPECT_EQ(round("2026-01-01T00:30:00+05:45"), "2025-12-31T18:45:00Z");
  EXPECT_EQ(round("2024-02-29T23:00:00-01:30"), "2024-03-01T00:30:00Z");
  EXPECT_EQ(round("2026-01-01T00:00:00-00:00"), "2026-01-01T00:00:00Z");
}

TEST(Timestamp, CountsALeapSecondAsTheLastMicrosecondBefore) {
  EXPECT_EQ(round("2016-12-31T23:59:60Z"), "2016-12-31T23:59:59.999999Z");
  EXPECT_EQ(round("2016-12-31T23:59:60.5Z"), "2016-12-31T23:59:59.999999Z");
  EXPECT_EQ(round("2015-07-01T05:44:60+05:45"), "2015-06-30T23:59:59.999999Z");
  EXPECT_EQ(round("2015-06-30T18:59:60-05:00"), "2015-06-30T23:59:59.999999Z");
}

TEST(Timestamp, HoldsYears1To9999InUtc) {
  EXPECT_EQ(round("0001-01-01T00:00:00Z"), "0001-01-01T00:00:00Z");
  EXPECT_EQ(round("9999-12-31T23:59:59.999999Z"), "9999-12-31T23:59:59.999999Z");
  EXPECT_EQ(round("0001-01-01T00:00:00+00:01"), "refused");
  EXPECT_EQ(round("9999-12-31T23:59:59-00:01"), "refused");
  EXPECT_EQ(round("0000-12-31T23:59:59-01:00"), "0001-01-01T00:59:59Z");
  EXPECT_EQ(round("1969-12-31T23:59:59.999999Z"), "1969-12-31T23:59:59.999999Z");
}

class BadTimestamp : public testing::TestWithParam<const char*> {};

TEST_P(BadTimestamp, IsRefused) {
  EXPECT_FALSE(parse_timestamp(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(
    Texts, BadTimestamp,
    testing::Values("", "yesterday", "2026-11-23", "2026-11-23T17:49:13", "2026-11-23T17:49Z", "2026-11-23T17:49:13.Z",
                    "2026-11-23T17:49:13.1234567890Z", "2024-06-15T12:30:60Z", "2024-06-30T23:59:60+01:00",
                    "2024-03-31T23:59:60Z", "2024-12-30T23:59:60Z", "2024-06-30T23:58:60Z", "2026-02-30T00:00:00Z",
                    "2025-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-01T24:00:00Z",
                    "2026-01-01T00:60:00Z", "2026-01-01T00:00:61Z", "2026-01-01T00:00:00+24:00",
                    "2026-01-01T00:00:00+01:60", "2026-01-01T00:00:00+0100", "2026-01-01T00:00:00Z ",
                    " 2026-01-01T00:00:00Z", "26-01-01T00:00:00Z", "+2026-01-01T00:00:00Z", "2026-1-01T00:00:00Z",
                    "2026-01-01T00:00:00ZZ", "2026-01-01T00:00:00+01:00Z", "2026-01-01T00:00:-1Z"));

TEST(Timestamp, NowIsNow) {
  EXPECT_GT(now(), *parse_timestamp("2024-01-01T00:00:00Z"));
  EXPECT_EQ(parse_timestamp(format_timestamp(now())).has_value(), true);
}

}  // namespace
}  // namespace eventbus
