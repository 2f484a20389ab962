#include "eventbus/delivery/key_locks.hpp"

#include <algorithm>

namespace eventbus::delivery {

std::uint64_t hash_ordering_key(std::string_view key) {
  if (key.empty()) return 0;
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char letter : key) hash = (hash ^ static_cast<unsigned char>(letter)) * 1099511628211ULL;
  return std::max<std::uint64_t>(hash, 1);
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
