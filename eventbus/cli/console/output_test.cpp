#include <gmock/gmock.h>

#include <sstream>

#include "eventbus/cli/console/console.hpp"
#include "eventbus/cli/console/progress.hpp"
#include "eventbus/cli/console/suggestion.hpp"
#include "eventbus/cli/console/table.hpp"

namespace eventbus::cli {
namespace {

struct Streams {
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  Console console{.in = in, .out = out, .err = err};
};

TEST(Table, AlignsColumnsByCodePoints) {
  Streams streams;
  Table table({{"QUEUE"}, {"READY", Align::right}});
  table.add({"größe", "5"});
  table.add({"a", "21,417"});
  EXPECT_EQ(table.text(streams.console), "QUEUE   READY\ngröße       5\na      21,417\n");
}

TEST(Table, ShrinksToTheTerminal) {
  Streams streams;
  streams.console.width = 24;
  Table table({{"ID"}, {"PAYLOAD", Align::left, true}});
  table.add({"12345678", "abcdefghijklmnopqrstuvwxyz"});
  EXPECT_EQ(table.text(streams.console), "ID        PAYLOAD\n12345678  abcdefghijklm…\n");
}

TEST(Table, ShowsControlCharactersInsteadOfObeyingThem) {
  Streams streams;
  Table table({{"X"}});
  table.add({"a\033[31mb\nc"});
  EXPECT_EQ(table.text(streams.console), "X\na\\x1b[31mb\\nc\n");
}

TEST(Numbers, AreGrouped) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(21417), "21,417");
  EXPECT_EQ(grouped(1234567), "1,234,567");
}

TEST(Console, ColoursOnlyWhenAsked) {
  Streams streams;
  EXPECT_EQ(streams.console.paint(Style::bold, "x"), "x");
  streams.console.colour = true;
  EXPECT_EQ(streams.console.paint(Style::bold, "x"), "\033[1mx\033[0m");
}

TEST(Console, ConfirmTakesOnlyYes) {
  Streams streams;
  streams.in.str("y\nno\n\n");
  EXPECT_TRUE(streams.console.confirm("delete?"));
  EXPECT_FALSE(streams.console.confirm("delete?"));
  EXPECT_FALSE(streams.console.confirm("delete?"));
  EXPECT_FALSE(streams.console.confirm("at the end of input?"));
}

TEST(Progress, ShowsBarRateAndRest) {
  EXPECT_EQ(progress_line(5000, 0.5, 2, "events"), "████████████░░░░░░░░░░░░  50%  5,000 events  2,500/s  2 s left");
  EXPECT_EQ(progress_line(10, -1, 1, "events"), "10 events  10/s");
}

TEST(Progress, IsSilentWithoutATerminal) {
  Streams streams;
  {
    Progress(streams.console, "events").show(1, 0.5);
  }
  EXPECT_EQ(streams.err.str(), "");
}

TEST(Suggestion, FindsTheNearestWord) {
  const std::vector<std::string> known{"serve", "publish", "subscribe", "EVENTBUS_LISTEN"};
  EXPECT_EQ(nearest("sevre", known), "serve");
  EXPECT_EQ(nearest("pub", known), "publish");
  EXPECT_EQ(nearest("EVENTBUS_LISTN", known), "EVENTBUS_LISTEN");
  EXPECT_EQ(nearest("zebra", known), "");
  EXPECT_EQ(did_you_mean("x", known), "");
}

}  // namespace
}  // namespace eventbus::cli
