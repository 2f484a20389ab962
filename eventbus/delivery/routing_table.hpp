#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eventbus/core/queue.hpp"
#include "eventbus/core/topic.hpp"

namespace eventbus::delivery {

/// Which queues an event reaches: one topic trie an exchange, and the answers for the keys seen lately. Not
/// thread-safe.
class RoutingTable {
 public:
  using QueueIndex = TopicTrie::Value;

  /// `remembered` bounds the answers kept, counted in queue indices.
  explicit RoutingTable(std::size_t remembered = std::size_t{1} << 20U) : remembered_(remembered) {}

  void add(QueueIndex queue, const std::vector<Binding>& bindings);
  void remove(QueueIndex queue, const std::vector<Binding>& bindings);
  /// Each matching queue once, sorted. Valid until the next call of any member.
  std::span<const QueueIndex> match(std::string_view exchange, std::string_view routing_key);

 private:
  std::map<std::string, TopicTrie, std::less<>> exchanges_;
  boost::unordered_flat_map<std::string, std::vector<QueueIndex>> answers_;
  std::string key_;
  std::size_t held_ = 0;
  std::size_t remembered_;
};

}  // namespace eventbus::delivery
