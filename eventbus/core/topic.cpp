#include "eventbus/core/topic.hpp"

#include <algorithm>
#include <functional>
#include <unordered_map>

#include "eventbus/core/event_rules.hpp"
#include "eventbus/core/json_text.hpp"
#include "eventbus/core/text_hash.hpp"

namespace eventbus {
namespace {

constexpr std::size_t longest_pattern = 255;

/// Takes words off the front of a key or pattern. An empty text has no words.
class Words {
 public:
  explicit Words(std::string_view text) : rest_(text), done_(text.empty()) {}

  bool done() const { return done_; }
  std::string_view front() const { return rest_.substr(0, rest_.find('.')); }
  void drop() {
    const std::size_t dot = rest_.find('.');
    done_ = dot == std::string_view::npos;
    rest_.remove_prefix(done_ ? rest_.size() : dot + 1);
  }

 private:
  std::string_view rest_;
  bool done_;
};

}  // namespace

bool valid_topic_pattern(std::string_view pattern) {
  if (pattern.empty() || pattern.size() > longest_pattern || pattern.ends_with('.')) return false;
  if (find_invalid_utf8(pattern) != std::string_view::npos) return false;
  for (Words words(pattern); !words.done(); words.drop()) {
    const std::string_view word = words.front();
    const bool wildcard = word == "*" || word == "#";
    if (!wildcard && (!is_topic_word(word) || word.find_first_of("*#") != std::string_view::npos)) return false;
  }
  return true;
}

// Greedy matching with one place to go back to: an earlier '#' never needs to take more once a later one was reached.
bool topic_matches(std::string_view pattern, std::string_view key) {
  Words wanted(pattern);
  Words words(key);
  Words behind_hash(pattern);
  Words hash_end(key);
  bool hash = false;
  while (true) {
    if (!wanted.done() && wanted.front() == "#") {
      wanted.drop();
      behind_hash = wanted;
      hash_end = words;
      hash = true;
    } else if (wanted.done() && words.done()) {
      return true;
    } else if (!wanted.done() && !words.done() && (wanted.front() == "*" || wanted.front() == words.front())) {
      wanted.drop();
      words.drop();
    } else if (hash && !hash_end.done()) {
      hash_end.drop();
      wanted = behind_hash;
      words = hash_end;
    } else {
      return false;
    }
  }
}

struct TopicTrie::Node {
  std::unordered_map<std::string, std::unique_ptr<Node>, TextHash, std::equal_to<>> words;
  std::unique_ptr<Node> star;
  std::unique_ptr<Node> hash;
  std::vector<Value> values;
  bool is_hash = false;
  mutable std::uint64_t visited = 0;  ///< The step of the last `match` that reached this node.

  bool unused() const { return values.empty() && words.empty() && !star && !hash; }

  Node& descend(std::string_view word) {
    if (word == "*") return *(star ? star : star = std::make_unique<Node>());
    if (word == "#") {
      if (!hash) hash = std::make_unique<Node>();
      hash->is_hash = true;
      return *hash;
    }
    const auto found = words.find(word);
    return found != words.end() ? *found->second : *words.emplace(word, std::make_unique<Node>()).first->second;
  }

  Node* find(std::string_view word) const {
    if (word == "*") return star.get();
    if (word == "#") return hash.get();
    const auto found = words.find(word);
    return found == words.end() ? nullptr : found->second.get();
  }

  void remove(std::string_view word) {
    if (word == "*") {
      star.reset();
    } else if (word == "#") {
      hash.reset();
    } else {
      words.erase(words.find(word));
    }
  }
};

/// The nodes that the words so far can reach, as a non-deterministic automaton: each node at most once a step, so that
/// patterns with many '#' cost no more than their nodes.
struct TopicTrie::Walk {
  std::vector<const Node*> reached;
  std::vector<const Node*> next;
  std::uint64_t step = 0;

  void begin(const Node& root) {
    reached.clear();
    next.clear();
    ++step;
    reach(root);
    std::swap(reached, next);
  }

  void advance(std::string_view word) {
    ++step;
    for (const Node* node : reached) {
      if (node->is_hash) reach(*node);
      if (node->star) reach(*node->star);
      if (const auto found = node->words.find(word); found != node->words.end()) reach(*found->second);
    }
    std::swap(reached, next);
    next.clear();
  }

 private:
  /// With the '#' below it, which may stand for no word.
  void reach(const Node& node) {
    for (const Node* at = &node; at != nullptr && at->visited != step; at = at->hash.get()) {
      at->visited = step;
      next.push_back(at);
    }
  }
};

TopicTrie::TopicTrie() : root_(std::make_unique<Node>()), walk_(std::make_unique<Walk>()) {}
TopicTrie::~TopicTrie() = default;
TopicTrie::TopicTrie(TopicTrie&&) noexcept = default;
TopicTrie& TopicTrie::operator=(TopicTrie&&) noexcept = default;

void TopicTrie::insert(std::string_view pattern, Value value) {
  Node* node = root_.get();
  for (Words words(pattern); !words.done(); words.drop()) node = &node->descend(words.front());
  node->values.push_back(value);
}

bool TopicTrie::erase(std::string_view pattern, Value value) {
  std::vector<std::pair<Node*, std::string_view>> path;
  Node* node = root_.get();
  for (Words words(pattern); !words.done(); words.drop()) {
    path.emplace_back(node, words.front());
    node = node->find(words.front());
    if (node == nullptr) return false;
  }
  const auto found = std::ranges::find(node->values, value);
  if (found == node->values.end()) return false;
  *found = node->values.back();
  node->values.pop_back();
  for (; !path.empty() && node->unused(); path.pop_back()) {
    node = path.back().first;
    node->remove(path.back().second);
  }
  return true;
}

void TopicTrie::match(std::string_view key, std::vector<Value>& out) const {
  const auto begin = static_cast<std::ptrdiff_t>(out.size());
  walk_->begin(*root_);
  for (Words words(key); !words.done() && !walk_->reached.empty(); words.drop()) walk_->advance(words.front());
  for (const Node* node : walk_->reached) out.insert(out.end(), node->values.begin(), node->values.end());
  std::sort(out.begin() + begin, out.end());
  out.erase(std::unique(out.begin() + begin, out.end()), out.end());
}

bool TopicTrie::empty() const {
  return root_->unused();
}

}  // namespace eventbus
