#include "eventbus/delivery/routing_table.hpp"

namespace eventbus::delivery {

void RoutingTable::add(QueueIndex queue, const std::vector<Binding>& bindings) {
  for (const auto& binding : bindings) exchanges_[binding.exchange].insert(binding.routing_key, queue);
  answers_.clear();
  held_ = 0;
}

void RoutingTable::remove(QueueIndex queue, const std::vector<Binding>& bindings) {
  for (const auto& binding : bindings) {
    const auto place = exchanges_.find(binding.exchange);
    if (place == exchanges_.end()) continue;
    place->second.erase(binding.routing_key, queue);
    if (place->second.empty()) exchanges_.erase(place);
  }
  answers_.clear();
  held_ = 0;
}

std::span<const RoutingTable::QueueIndex> RoutingTable::match(std::string_view exchange, std::string_view routing_key) {
  key_.assign(exchange).push_back('\0');
  key_.append(routing_key);
  if (const auto known = answers_.find(key_); known != answers_.end()) return known->second;
  std::vector<QueueIndex> queues;
  if (const auto place = exchanges_.find(exchange); place != exchanges_.end()) place->second.match(routing_key, queues);
  if (held_ > remembered_) {
    answers_.clear();
    held_ = 0;
  }
  constexpr std::size_t cost_of_an_answer = 16;
  held_ += queues.size() + cost_of_an_answer;
  return answers_.emplace(key_, std::move(queues)).first->second;
}

}  // namespace eventbus::delivery
