#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <utility>

#include "eventbus/delivery/key_locks.hpp"

namespace eventbus::delivery {

/// Where events of one queue wait that came to it before and are not handed out: ready, oldest first; parked behind an
/// earlier one of their ordering key; or delayed. An event stands in the line of its key from
/// `acquire` to `pass_on`.
class WaitingRoom {
 public:
  explicit WaitingRoom(bool ordered) : ordered_(ordered) {}

  /// Whether it is the first of its key, and may be handed out; else another one holds it.
  bool acquire(Position position, std::uint64_t key);
  void put_ready(Position position);
  void put_parked(Position position);
  void put_delayed(Position position, Timestamp due);

  void take_ready(Position position);
  void take_parked(Position position);
  void take_delayed(Position position, Timestamp due);
  /// One is settled: the next of its key when it was the first.
  std::optional<Position> pass_on(Position position, std::uint64_t key);
  /// One whose time has come by `now`, not ready yet.
  std::optional<Position> take_due(Timestamp now);

  std::optional<Position> first_ready() const { return ready_.empty() ? std::nullopt : std::optional(*ready_.begin()); }
  std::optional<Timestamp> next_due() const;
  /// Wherever it waits.
  std::optional<Position> oldest() const { return all_.empty() ? std::nullopt : std::optional(*all_.begin()); }
  std::size_t ready() const { return ready_.size(); }
  std::size_t parked() const { return parked_; }
  std::size_t delayed() const { return delayed_.size(); }

 private:
  bool ordered_;
  std::set<Position> all_;
  std::set<Position> ready_;
  std::set<std::pair<Timestamp, Position>> delayed_;
  KeyLocks keys_;
  std::size_t parked_ = 0;
};

}  // namespace eventbus::delivery
