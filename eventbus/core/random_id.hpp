#pragma once

#include <cstdint>

namespace eventbus {

/// A name for what must never get the same one twice, not even after its log was put back from a copy, which doesn't
/// know the names given since: 48 random bits, never 0.
std::uint64_t random_id();

}  // namespace eventbus
