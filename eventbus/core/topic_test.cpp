#include "eventbus/core/topic.hpp"

#include <gtest/gtest.h>

#include <random>

namespace eventbus {
namespace {

TEST(Topic, MatchesWordsAndWildcards) {
  EXPECT_TRUE(topic_matches("user.created", "user.created"));
  EXPECT_FALSE(topic_matches("user.created", "user.creates"));
  EXPECT_FALSE(topic_matches("user", "user.created"));
  EXPECT_TRUE(topic_matches("user.*", "user.created"));
  EXPECT_FALSE(topic_matches("user.*", "user"));
  EXPECT_FALSE(topic_matches("user.*", "user.created.eu"));
  EXPECT_TRUE(topic_matches("*.created", "user.created"));
  EXPECT_TRUE(topic_matches("#", "user.created"));
  EXPECT_TRUE(topic_matches("#", ""));
  EXPECT_FALSE(topic_matches("*", ""));
  EXPECT_TRUE(topic_matches("order.#", "order"));
  EXPECT_TRUE(topic_matches("order.#", "order.eu.paid"));
  EXPECT_FALSE(topic_matches("order.#", "orders"));
  EXPECT_TRUE(topic_matches("#.paid", "paid"));
  EXPECT_TRUE(topic_matches("com.*", "com.acme/thing:é"));
  EXPECT_TRUE(topic_matches("ä.#", "ä.ö"));
  EXPECT_FALSE(topic_matches("ä.#", "äö"));
  EXPECT_TRUE(topic_matches("lang.*", "lang.C#"));
  EXPECT_TRUE(topic_matches("a.#.b.#.c", "a.b.b.x.c"));
  EXPECT_FALSE(topic_matches("a.#.b.#.c", "a.x.c"));
  EXPECT_TRUE(topic_matches("#.*", "a"));
  EXPECT_TRUE(topic_matches("#.*.*", "a.b.c"));
  EXPECT_FALSE(topic_matches("#.*.*", "a"));
}

TEST(Topic, RefusesPatternsThatAreMistakes) {
  for (const char* pattern :
       {"#", "*", "a.*.#", "user.created", "A-b_1.#.c", "a/b", "é.*", "order:created", "50%.#", "👩‍👧"})
    EXPECT_TRUE(valid_topic_pattern(pattern)) << pattern;
  for (const char* pattern :
       {"", ".", "a.", ".a", "a..b", "us*", "##", "a.b#", "a b", "a\u00a0b", "a\tb", "a\u200bb"}) {
    EXPECT_FALSE(valid_topic_pattern(pattern)) << pattern;
  }
  EXPECT_TRUE(valid_topic_pattern(std::string(255, 'a')));
  EXPECT_FALSE(valid_topic_pattern(std::string(256, 'a')));
  std::string bytes(254, 'a');
  EXPECT_FALSE(valid_topic_pattern(bytes + "é"));
}

std::vector<TopicTrie::Value> matched(const TopicTrie& trie, std::string_view key) {
  std::vector<TopicTrie::Value> values;
  trie.match(key, values);
  return values;
}

TEST(TopicTrie, GivesEachValueOnceAndSorted) {
  TopicTrie trie;
  trie.insert("a.#", 3);
  trie.insert("a.*", 1);
  trie.insert("#", 3);
  trie.insert("a.b", 2);
  trie.insert("a.b", 2);
  EXPECT_EQ(matched(trie, "a.b"), (std::vector<TopicTrie::Value>{1, 2, 3}));
  std::vector<TopicTrie::Value> out = {9};
  trie.match("a", out);
  EXPECT_EQ(out, (std::vector<TopicTrie::Value>{9, 3}));
}

TEST(TopicTrie, ForgetsWhatIsErased) {
  TopicTrie trie;
  EXPECT_TRUE(trie.empty());
  trie.insert("a.*.c", 1);
  trie.insert("a.*.c", 1);
  trie.insert("a.#", 1);
  EXPECT_FALSE(trie.erase("a.*", 1));
  EXPECT_FALSE(trie.erase("a.*.c", 2));
  EXPECT_FALSE(trie.erase("x.y", 1));
  EXPECT_TRUE(trie.erase("a.*.c", 1));
  EXPECT_TRUE(trie.erase("a.#", 1));
  EXPECT_EQ(matched(trie, "a.b.c"), (std::vector<TopicTrie::Value>{1}));
  EXPECT_TRUE(trie.erase("a.*.c", 1));
  EXPECT_TRUE(matched(trie, "a.b.c").empty());
  EXPECT_TRUE(trie.empty());
}

std::string random_text(std::mt19937& random, std::initializer_list<const char*> words) {
  std::string text;
  const std::size_t count = 1 + random() % 6;
  for (std::size_t i = 0; i < count; ++i) text.append(i == 0 ? "" : ".").append(words.begin()[random() % words.size()]);
  return text;
}

TEST(TopicTrie, AgreesWithSingleMatchingOnRandomPatterns) {
  std::mt19937 random(11);  // NOLINT: the same cases every time
  for (int round = 0; round < 200; ++round) {
    TopicTrie trie;
    std::vector<std::string> patterns;
    for (TopicTrie::Value value = 0; value < 50; ++value) {
      patterns.push_back(random_text(random, {"a", "b", "c", "*", "#"}));
      trie.insert(patterns.back(), value);
    }
    for (TopicTrie::Value value = 0; value < 50; value += 3) {
      EXPECT_TRUE(trie.erase(patterns[value], value));
      patterns[value] = "erased";
    }
    for (int i = 0; i < 20; ++i) {
      const std::string key = random_text(random, {"a", "b", "c", "d"});
      std::vector<TopicTrie::Value> expected;
      for (TopicTrie::Value value = 0; value < 50; ++value) {
        if (topic_matches(patterns[value], key)) expected.push_back(value);
      }
      EXPECT_EQ(matched(trie, key), expected) << key;
    }
  }
}

TEST(TopicTrie, StaysCheapWithManyHashes) {
  TopicTrie trie;
  std::string pattern = "#";
  std::string key = "a";
  for (int i = 0; i < 60; ++i) {
    pattern += ".a.#";
    key += ".a";
  }
  trie.insert(pattern + ".b", 1);
  trie.insert(pattern, 2);
  EXPECT_EQ(matched(trie, key), (std::vector<TopicTrie::Value>{2}));
  EXPECT_FALSE(topic_matches(pattern + ".b", key));
}

TEST(TopicTrie, HoldsManyBindings) {
  TopicTrie trie;
  for (TopicTrie::Value value = 0; value < 100'000; ++value) trie.insert("user." + std::to_string(value) + ".*", value);
  EXPECT_EQ(matched(trie, "user.77777.created"), (std::vector<TopicTrie::Value>{77'777}));
  for (TopicTrie::Value value = 0; value < 100'000; ++value)
    ASSERT_TRUE(trie.erase("user." + std::to_string(value) + ".*", value));
  EXPECT_TRUE(trie.empty());
}

}  // namespace
}  // namespace eventbus
