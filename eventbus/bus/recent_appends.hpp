#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <vector>

#include "eventbus/store/outbox.hpp"

namespace eventbus {

/// The events of the appends that this instance made last, for its relay. The oldest positions are forgotten first.
/// A plain class; one thread.
class RecentAppends {
 public:
  explicit RecentAppends(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  /// The events of one append, by position.
  void add(std::span<const StoredEvent> events);
  /// Appends the events of the entry to `events` and forgets them. False when they are not all here.
  bool take(const OutboxEntry& entry, std::vector<StoredEvent>& events);

 private:
  struct Append {
    std::vector<StoredEvent> events;
    std::size_t bytes;
  };
  using Appends = std::map<Position, Append>;
  void forget(Appends::iterator append);

  std::size_t most_bytes_;
  std::size_t bytes_ = 0;
  Appends appends_;  ///< By first position.
};

}  // namespace eventbus
