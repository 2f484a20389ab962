#pragma once

#include <functional>

#include "eventbus/core/timestamp.hpp"

namespace eventbus {

/// Tells a broker the time: for leases, retries, time to live. Injected, so that tests own it. Must never go backwards.
using BrokerClock = std::function<Timestamp()>;

/// UTC as of the call, carried on by the steady clock: an adjusted wall clock neither ends leases early nor prolongs
/// them.
BrokerClock steady_utc_clock();

}  // namespace eventbus
