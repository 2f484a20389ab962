#include "eventbus/core/random_id.hpp"

#include <random>

namespace eventbus {

std::uint64_t random_id(unsigned bits) {
  constexpr unsigned most = 64;
  std::random_device random;
  std::uint64_t id = 0;
  while (id == 0) id = (std::uint64_t{random()} << 32 | random()) >> (most - bits);
  return id;
}

}  // namespace eventbus
