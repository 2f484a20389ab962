#include "eventbus/delivery/key_locks.hpp"

#include <algorithm>

#include "eventbus/core/fnv1a.hpp"

namespace eventbus::delivery {

std::uint64_t hash_ordering_key(std::string_view key) {
  return key.empty() ? 0 : std::max<std::uint64_t>(fnv1a(key), 1);
}

bool KeyLocks::acquire(std::uint64_t key, Seat seat) {
  auto [lock, free] = locks_.try_emplace(key, Lock{seat, {}});
  if (free || lock->second.holder == seat) return true;
  lock->second.parked.insert(seat);
  return false;
}

std::optional<Seat> KeyLocks::release(std::uint64_t key, Seat seat) {
  const auto place = locks_.find(key);
  if (place == locks_.end()) return std::nullopt;
  auto& lock = place->second;
  if (lock.holder != seat) {
    lock.parked.erase(seat);
    return std::nullopt;
  }
  if (lock.parked.empty()) {
    locks_.erase(place);
    return std::nullopt;
  }
  lock.holder = *lock.parked.begin();
  lock.parked.erase(lock.parked.begin());
  return lock.holder;
}

}  // namespace eventbus::delivery
