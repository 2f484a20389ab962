#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <optional>
#include <set>

#include "eventbus/delivery/settlement.hpp"

namespace eventbus::delivery {

/// 64-bit FNV-1a of an ordering key, 0 for none; written to disk, so it must stay as it is. Keys that collide are
/// delivered one at a time together. Source: G. Fowler, L. Noll, K.-P. Vo, draft-eastlake-fnv.
std::uint64_t hash_ordering_key(std::string_view key);

/// Ordering keys of one ordered queue: at most one event a key may be on its way (the holder), later ones are parked
/// until it is settled.
class KeyLocks {
 public:
  /// Whether the event became (or is) the holder of its key; else it is parked.
  bool acquire(std::uint64_t key, Seat seat);
  /// The event is settled, or no longer waits. Returns the next holder of the key if there is one.
  std::optional<Seat> release(std::uint64_t key, Seat seat);
  std::size_t keys() const { return locks_.size(); }

 private:
  struct Lock {
    Seat holder;
    std::set<Seat> parked;
  };
  boost::unordered_flat_map<std::uint64_t, Lock> locks_;
};

}  // namespace eventbus::delivery
