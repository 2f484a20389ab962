#include "eventbus/http/body_lines.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace eventbus {
namespace {

std::vector<std::string> lines_of(const std::string& text, std::size_t cut, std::size_t longest = 100) {
  std::vector<std::string> lines;
  const auto take = [&lines](std::string_view line, bool too_long) {
    lines.emplace_back(too_long ? "too long" : line);
  };
  BodyLines splitter(longest);
  for (std::size_t begin = 0; begin < text.size(); begin += cut)
    splitter.feed(std::string_view(text).substr(begin, cut), take);
  splitter.finish(take);
  return lines;
}

TEST(BodyLines, DoNotDependOnHowTheBodyIsCut) {
  const std::vector<std::string> expected{"one", "", "two", "three"};
  for (std::size_t cut = 1; cut < 20; ++cut) EXPECT_EQ(lines_of("one\r\n\ntwo\nthree", cut), expected) << cut;
}

TEST(BodyLines, ALastLineNeedsNoEnd) {
  EXPECT_EQ(lines_of("a\n", 10), std::vector<std::string>{"a"});
  EXPECT_EQ(lines_of("a", 10), std::vector<std::string>{"a"});
  EXPECT_TRUE(lines_of("", 10).empty());
}

TEST(BodyLines, AnOverlongLineFailsAlone) {
  const std::vector<std::string> expected{"aaaa", "too long", "bbbb", "too long"};
  for (std::size_t cut = 1; cut < 40; ++cut)
    EXPECT_EQ(lines_of("aaaa\nxxxxxxxxxxxxx\r\nbbbb\r\nyyyyy", cut, 4), expected) << cut;
}

}  // namespace
}  // namespace eventbus
