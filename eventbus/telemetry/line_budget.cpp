#include "eventbus/telemetry/line_budget.hpp"

namespace eventbus {

LineBudget::Verdict LineBudget::spend(std::string_view message, Time now) {
  auto place = spent_.find(message);
  if (place == spent_.end()) {
    std::erase_if(spent_, [now](const auto& entry) { return now >= entry.second.begun + window; });
    if (spent_.size() >= most_messages) spent_.clear();
    place = spent_.emplace(message, Spent{.begun = now}).first;
  }
  auto& spent = place->second;
  Verdict verdict;
  if (now >= spent.begun + window) {
    verdict.left_out = spent.lines > most_lines ? spent.lines - most_lines : 0;
    spent = {.begun = now};
  }
  ++spent.lines;
  verdict.write = spent.lines <= most_lines;
  verdict.last = spent.lines == most_lines;
  return verdict;
}

}  // namespace eventbus
