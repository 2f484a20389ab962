#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <utility>

#include "eventbus/delivery/fresh_events.hpp"
#include "eventbus/delivery/key_locks.hpp"

namespace eventbus::delivery {

/// What waits in one queue: fresh events, which come from outside, and entries that came before and are not handed out.
/// Those are ready, in their order; parked behind an earlier one of their ordering key; or delayed. An entry stands in
/// the line of its key from `acquire` to `pass_on`.
class WaitingRoom {
 public:
  /// `fresh` must outlive it.
  WaitingRoom(bool ordered, const FreshEvents& fresh) : ordered_(ordered), fresh_(fresh) {}

  enum class Kind : std::uint8_t { none, fresh, entry };
  /// What is handed out next: a fresh event or the first ready entry. An entry waits for all that stands before it,
  /// also where that is not at hand yet; when it is `full` here, no fresh event comes in, and no entry waits for one.
  Kind next(bool full) const;
  /// What is the oldest, wherever it waits. None also when that is not at hand yet.
  Kind oldest() const;

  /// Whether it is the first of its key, and may be handed out; else another one holds it.
  bool acquire(Seat seat, std::uint64_t key);
  void put_ready(Seat seat);
  void put_parked(Seat seat);
  void put_delayed(Seat seat, Timestamp due);

  void take_ready(Seat seat);
  void take_parked(Seat seat);
  void take_delayed(Seat seat, Timestamp due);
  /// One is settled: the next of its key when it was the first.
  std::optional<Seat> pass_on(Seat seat, std::uint64_t key);
  /// One whose time has come by `now`, not ready yet.
  std::optional<Seat> take_due(Timestamp now);

  std::optional<Seat> first_ready() const { return ready_.empty() ? std::nullopt : std::optional(*ready_.begin()); }
  std::optional<Timestamp> next_due() const;
  /// The oldest entry, wherever it waits.
  std::optional<Seat> oldest_entry() const { return all_.empty() ? std::nullopt : std::optional(*all_.begin()); }
  std::size_t ready() const { return ready_.size(); }
  std::size_t parked() const { return parked_; }
  std::size_t delayed() const { return delayed_.size(); }

 private:
  Kind earlier(const std::optional<Seat>& entry) const;

  bool ordered_;
  const FreshEvents& fresh_;
  std::set<Seat> all_;
  std::set<Seat> ready_;
  std::set<std::pair<Timestamp, Seat>> delayed_;
  KeyLocks keys_;
  std::size_t parked_ = 0;
};

}  // namespace eventbus::delivery
