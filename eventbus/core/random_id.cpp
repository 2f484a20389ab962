#include "eventbus/core/random_id.hpp"

#include <random>

namespace eventbus {

std::uint64_t random_id() {
  constexpr std::uint64_t mask = (std::uint64_t{1} << 48) - 1;
  std::random_device random;
  std::uint64_t id = 0;
  while (id == 0) id = (std::uint64_t{random()} << 32 | random()) & mask;
  return id;
}

}  // namespace eventbus
