#pragma once

#include <cstdint>

namespace eventbus {

/// A name for what must never get the same one twice, not even after its log was put back from a copy, which doesn't
/// know the names given since: so many random bits, at most 64, never 0.
std::uint64_t random_id(unsigned bits = 48);

}  // namespace eventbus
