#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace eventbus {

/// Topic patterns of AMQP 0-9-1: words joined by '.', `*` matches one word, `#` zero or more, 1 to 255 bytes. A word
/// mixing wildcards with other characters ("us*") is literal in AMQP and refused by `valid_topic_pattern`, because it
/// is nearly always a mistake; a type with such a word is matched by `*` and `#`.
bool valid_topic_pattern(std::string_view pattern);
inline constexpr std::string_view topic_pattern_rule =
    "must be words joined by single dots, * for one word and # for any number, 1 to 255 bytes of printable UTF-8 "
    "without "
    "spaces; inside a word * and # have no meaning";

/// Whether `key` matches. Time O(words of pattern × words of key), no allocation.
bool topic_matches(std::string_view pattern, std::string_view key);

/// Many patterns matched at once: a trie of words. `match` visits only branches that can match, so 100,000 bindings
/// cost little more than one. Not thread-safe.
class TopicTrie {
 public:
  using Value = std::uint32_t;

  TopicTrie();
  ~TopicTrie();
  TopicTrie(TopicTrie&&) noexcept;
  TopicTrie& operator=(TopicTrie&&) noexcept;

  void insert(std::string_view pattern, Value value);
  /// Removes one insertion of the pair; false where there is none.
  bool erase(std::string_view pattern, Value value);
  /// Appends the values of every matching pattern, each value once, to `out` (sorted). Does not clear `out` first.
  void match(std::string_view key, std::vector<Value>& out) const;
  bool empty() const;

 private:
  struct Node;
  struct Walk;
  std::unique_ptr<Node> root_;
  std::unique_ptr<Walk> walk_;  ///< Memory of `match`, reused.
};

}  // namespace eventbus
