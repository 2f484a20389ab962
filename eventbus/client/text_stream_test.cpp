#include "eventbus/client/text_stream.hpp"

#include <gmock/gmock.h>

namespace eventbus {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> lines_of(const std::vector<std::string>& parts) {
  LineSplitter splitter;
  std::vector<std::string> lines;
  for (const auto& part : parts) {
    splitter.feed(part, [&](std::string_view line) {
      lines.emplace_back(line);
      return true;
    });
  }
  return lines;
}

std::vector<std::string> events_of(const std::vector<std::string>& parts) {
  EventStreamParser parser;
  std::vector<std::string> events;
  for (const auto& part : parts) {
    parser.feed(part, [&](const ServerSentEvent& event) {
      events.push_back(event.id + "|" + event.type + "|" + event.data);
      return true;
    });
  }
  return events;
}

TEST(LineSplitter, CutsWhereverThePartsEnd) {
  EXPECT_THAT(lines_of({"a\nb\r\n\nc"}), ElementsAre("a", "b", ""));
  EXPECT_THAT(lines_of({"a", "b\r", "\nc\n"}), ElementsAre("ab", "c"));
}

TEST(LineSplitter, StopsWhenTheSinkHasEnough) {
  LineSplitter splitter;
  int lines = 0;
  EXPECT_FALSE(splitter.feed("a\nb\nc\n", [&](std::string_view) { return ++lines < 2; }));
  EXPECT_EQ(lines, 2);
}

TEST(EventStreamParser, ReadsEventsAndKeepsTheLastId) {
  EXPECT_THAT(events_of({"id: p1\nevent: user.created\nda", "ta: {\"a\":1}\n\n", "data:x\ndata: y\n\n"}),
              ElementsAre("p1|user.created|{\"a\":1}", "p1||x\ny"));
}

TEST(EventStreamParser, SkipsCommentsAndUnknownFields) {
  EXPECT_THAT(events_of({": heartbeat\n\nretry: 3\n\ndata\n\n"}), ElementsAre("||"));
}

}  // namespace
}  // namespace eventbus
