#include "eventbus/telemetry/log.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "eventbus/telemetry/trace_context.hpp"

namespace eventbus {
namespace {

using testing::HasSubstr;
using testing::internal::CaptureStderr;
using testing::internal::GetCapturedStderr;

TEST(Log, JsonLinesEscapeWhatCouldForgeALine) {
  configure_logging(LogLevel::info, LogFormat::json, false);
  CaptureStderr();
  log_info("done", {{"name", std::string_view("a\"b\nc")}, {"n", std::int64_t{7}}, {"ok", true}});
  const auto line = GetCapturedStderr();
  EXPECT_THAT(line, HasSubstr(R"("level":"INFO","message":"done","name":"a\"b\u000ac","n":7,"ok":true})"));
  EXPECT_EQ(std::ranges::count(line, '\n'), 1);
}

TEST(Log, LevelsBelowTheThresholdAreSilent) {
  configure_logging(LogLevel::warning, LogFormat::text, false);
  CaptureStderr();
  log_info("quiet");
  log_warning("loud", {{"queue", std::string_view("jobs")}});
  const auto text = GetCapturedStderr();
  EXPECT_EQ(text.find("quiet"), std::string::npos);
  EXPECT_THAT(text, HasSubstr("WARNING  loud  queue=jobs"));
}

TEST(Log, AMessageThatRepeatsIsLeftOutUnlessAllIsWanted) {
  const auto lines_of = [](LogLevel level, std::string_view message) {
    configure_logging(level, LogFormat::json, false);
    CaptureStderr();
    for (std::int64_t n = 0; n < 1000; ++n) log_warning(message, {{"n", n}});
    return GetCapturedStderr();
  };
  const auto few = lines_of(LogLevel::info, "a client did something");
  EXPECT_EQ(std::ranges::count(few, '\n'), 20);
  EXPECT_THAT(few, HasSubstr(R"("n":19,"next_ones":"are left out for a minute"})"));
  const auto all = lines_of(LogLevel::debug, "a client did something else");
  EXPECT_EQ(std::ranges::count(all, '\n'), 1000);
}

TEST(Log, LevelNamesAreCaseInsensitive) {
  EXPECT_EQ(parse_log_level("warn"), LogLevel::warning);
  EXPECT_EQ(parse_log_level("Info"), LogLevel::info);
  EXPECT_EQ(parse_log_level("loud"), std::nullopt);
}

TEST(TraceContext, KeepsValidTraceparentsOnly) {
  const std::string valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  EXPECT_EQ(valid_traceparent(valid), valid);
  EXPECT_EQ(valid_traceparent("00-00000000000000000000000000000000-00f067aa0ba902b7-01"), "");
  EXPECT_EQ(valid_traceparent("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"), "");
  EXPECT_EQ(valid_traceparent(valid + "x"), "");
  EXPECT_EQ(valid_traceparent(""), "");
}

}  // namespace
}  // namespace eventbus
