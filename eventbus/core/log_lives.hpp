#pragma once

#include <cstddef>
#include <deque>
#include <vector>

#include "eventbus/core/event.hpp"

namespace eventbus {

/// Which life of a log gave which positions. A log goes on in a new life wherever it may have been put back from a
/// copy, and so tells places of a life that it doesn't know from its own. Remembers the newest lives only: a place from
/// before them is taken as it is.
class LogLives {
 public:
  static constexpr std::size_t most = 1000;  ///< Lives that are remembered.

  /// A life, named by a random_id, that gives the positions behind `after`. In the order of their beginnings.
  void begin(LifeId life, Position after);
  /// The life that gave this position, or will; 0 before the remembered ones.
  LifeId of(Position position) const;
  /// Whether the position, if this log gave it, is from that life.
  bool gave(const LogPlace& place) const;

  /// What a store read or wrote, with the lives of the positions.
  void mark(StoredEvent& stored) const { stored.life = of(stored.position); }
  void mark(std::vector<StoredEvent>& events) const {
    for (auto& stored : events) mark(stored);
  }

 private:
  struct Life {
    LifeId id;
    Position after;
  };
  std::deque<Life>::const_iterator behind(Position position) const;

  std::deque<Life> lives_;
};

}  // namespace eventbus
