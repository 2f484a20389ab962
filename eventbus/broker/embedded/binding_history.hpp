#pragma once

#include <deque>
#include <vector>

#include "eventbus/core/event.hpp"
#include "eventbus/core/queue.hpp"
#include "eventbus/delivery/routing_table.hpp"

namespace eventbus::embedded {

/// Bindings in force for the events behind a position.
struct BindingEpoch {
  Position after = 0;
  std::vector<Binding> bindings;
};

/// One queue's bindings over time: an event is routed by those that were in force when it was stored.
class BindingHistory {
 public:
  /// Events up to `declared_at` belong to the past of the queue: those with a timestamp before `not_before` don't
  /// match.
  BindingHistory(std::vector<BindingEpoch> epochs, Position declared_at, StartFrom start_from);

  bool matches(Position position, Timestamp timestamp, std::string_view exchange, std::string_view routing_key);
  /// From now on: for events behind `after`, which grows from call to call.
  void change(Position after, std::vector<Binding> bindings);
  /// Epochs that ended at or before `frontier` are needed no more.
  void forget(Position frontier);

  /// Whether the current bindings alone decide about every event behind `position`.
  bool settled_at(Position position) const {
    return position >= declared_at_ && position >= epochs_.back().epoch.after;
  }
  const std::vector<Binding>& current() const { return epochs_.back().epoch.bindings; }
  std::vector<BindingEpoch> epochs() const;

 private:
  struct Entry {
    BindingEpoch epoch;
    delivery::RoutingTable table;
    bool filled = false;  ///< The table is built when an event is first compared.
  };
  Entry& at(Position position);

  std::deque<Entry> epochs_;
  Position declared_at_;
  StartFrom start_from_;
};

}  // namespace eventbus::embedded
