#include "eventbus/broker/embedded/binding_history.hpp"

namespace eventbus::embedded {
namespace {
constexpr std::size_t remembered_answers = 4096;
}

BindingHistory::BindingHistory(std::vector<BindingEpoch> epochs, Position declared_at, StartFrom start_from)
    : declared_at_(declared_at), start_from_(start_from) {
  for (auto& epoch : epochs) epochs_.push_back({std::move(epoch), delivery::RoutingTable(remembered_answers)});
}

BindingHistory::Entry& BindingHistory::at(Position position) {
  auto place = epochs_.size() - 1;
  while (place > 0 && epochs_[place].epoch.after >= position) --place;
  return epochs_[place];
}

bool BindingHistory::matches(Position position, Timestamp timestamp, std::string_view exchange,
                             std::string_view routing_key) {
  if (position <= declared_at_ && start_from_.kind == StartFrom::Kind::time && timestamp < start_from_.time)
    return false;
  auto& entry = at(position);
  if (!entry.filled) {
    entry.table.add(0, entry.epoch.bindings);
    entry.filled = true;
  }
  return !entry.table.match(exchange, routing_key).empty();
}

void BindingHistory::change(Position after, std::vector<Binding> bindings) {
  if (epochs_.back().epoch.after == after) epochs_.pop_back();
  epochs_.push_back({{after, std::move(bindings)}, delivery::RoutingTable(remembered_answers)});
}

void BindingHistory::forget(Position frontier) {
  while (epochs_.size() > 1 && epochs_[1].epoch.after <= frontier) epochs_.pop_front();
}

std::vector<BindingEpoch> BindingHistory::epochs() const {
  std::vector<BindingEpoch> epochs;
  epochs.reserve(epochs_.size());
  for (const auto& entry : epochs_) epochs.push_back(entry.epoch);
  return epochs;
}

}  // namespace eventbus::embedded
