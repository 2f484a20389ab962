#include "eventbus/http/body_lines.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace eventbus {
namespace {

std::vector<std::string> lines_of(const std::string& text, std::size_t cut, std::size_t longest = 100) {
  std::vector<std::string> lines;
  BodyLines splitter(longest);
  for (std::size_t begin = 0; begin <= text.size() + cut; begin += cut) {
    const bool end = begin >= text.size();
    splitter.feed(end ? std::string_view() : std::string_view(text).substr(begin, cut));
    while (const auto line = splitter.next()) {
      lines.push_back(std::to_string(line->place.line) + ':' + std::to_string(line->place.column) + ' ' +
                      (line->too_long ? "too long" : std::string(line->text)));
    }
    if (end) break;
  }
  return lines;
}

TEST(BodyLines, DoNotDependOnHowTheBodyIsCut) {
  const std::vector<std::string> expected{"1:1 one", "3:1 two", "5:4 three \t", "7:1 four"};
  for (std::size_t cut = 1; cut < 40; ++cut)
    EXPECT_EQ(lines_of("one\r\n\ntwo\n \t \r\n  \tthree \t\r\n\r\nfour", cut), expected) << cut;
}

TEST(BodyLines, ALastLineNeedsNoEnd) {
  for (const std::string end : {"", "\n", "\r", "\r\n", "\n\n", "\n \t\n ", "\r\n\r\n\r"}) {
    for (std::size_t cut = 1; cut < 8; ++cut)
      EXPECT_EQ(lines_of("a\nb" + end, cut), (std::vector<std::string>{"1:1 a", "2:1 b"})) << cut;
  }
}

TEST(BodyLines, BlankBodiesHaveNone) {
  for (const auto& text : std::vector<std::string>{"", "\n", "\r\n\r\n", " ", " \t\n\r", std::string(300, ' ')}) {
    for (std::size_t cut = 1; cut < 8; ++cut) EXPECT_TRUE(lines_of(text, cut, 4).empty()) << text;
  }
}

TEST(BodyLines, AnOverlongLineFailsAlone) {
  const std::vector<std::string> expected{"1:1 aaaa", "2:3 too long", "3:1 bbbb", "4:1 too long"};
  for (std::size_t cut = 1; cut < 40; ++cut)
    EXPECT_EQ(lines_of("aaaa\n  xxxxxxxxxxxxx\r\nbbbb\r\nyyyyy", cut, 4), expected) << cut;
}

TEST(BodyLines, WhiteSpaceBeforeALineDoesNotMakeItTooLong) {
  const std::vector<std::string> expected{"1:11 aaaa", "2:8 bbbb"};
  for (std::size_t cut = 1; cut < 40; ++cut)
    EXPECT_EQ(lines_of("          aaaa\r\n\t\t\t\t\t\t\tbbbb", cut, 4), expected) << cut;
}

}  // namespace
}  // namespace eventbus
