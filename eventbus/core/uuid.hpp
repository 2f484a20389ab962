#pragma once

#include <string>

#include "eventbus/core/timestamp.hpp"

namespace eventbus {

/// A new UUIDv7 (RFC 9562 section 5.7, with the monotonic counter of section 6.2 method 1 in rand_a), lower case, 36
/// characters. Ids made by one thread sort in the order they were made. Thread-safe.
std::string make_uuid_v7();

}  // namespace eventbus
