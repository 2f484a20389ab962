// The trie agrees with matching one by one. The first line is the key, each further one a pattern.
#include "eventbus/core/topic.hpp"
#include "fuzz/fuzz_input.hpp"

using namespace eventbus;
using fuzz::require;

namespace {

constexpr std::size_t most_patterns = 200;

void compare(const TopicTrie& trie, const std::vector<std::string_view>& patterns, std::size_t first,
             std::string_view key) {
  std::vector<TopicTrie::Value> expected;
  for (std::size_t i = first; i < patterns.size(); ++i) {
    if (topic_matches(patterns[i], key)) expected.push_back(static_cast<TopicTrie::Value>(i));
  }
  std::vector<TopicTrie::Value> matched;
  trie.match(key, matched);
  require(matched == expected, "the trie matches what its patterns match");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest = fuzz::text_of(data, size);
  const std::string_view key = fuzz::next_line(rest);
  std::vector<std::string_view> patterns;
  while (!rest.empty() && patterns.size() < most_patterns) patterns.push_back(fuzz::next_line(rest));

  TopicTrie trie;
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    static_cast<void>(valid_topic_pattern(patterns[i]));
    trie.insert(patterns[i], static_cast<TopicTrie::Value>(i));
  }
  compare(trie, patterns, 0, key);
  const std::size_t half = patterns.size() / 2;
  for (std::size_t i = 0; i < half; ++i)
    require(trie.erase(patterns[i], static_cast<TopicTrie::Value>(i)), "what was inserted can be erased");
  compare(trie, patterns, half, key);
  for (std::size_t i = half; i < patterns.size(); ++i) trie.erase(patterns[i], static_cast<TopicTrie::Value>(i));
  require(trie.empty(), "an emptied trie is empty");
  return 0;
}
