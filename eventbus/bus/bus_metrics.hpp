#pragma once

#include <vector>

#include "eventbus/broker/broker.hpp"
#include "eventbus/runtime/dependency_guard.hpp"
#include "eventbus/telemetry/metrics.hpp"

namespace eventbus {

/// Registers eventbus_queue_messages{queue,state} and eventbus_queue_oldest_age_seconds{queue}, read from the broker at
/// each scrape, so that a deleted queue disappears. `broker` must outlive the registry's scrapes.
void register_queue_gauges(MetricRegistry& registry, Broker& broker);

/// Registers eventbus_breaker_state{name}, read from the breakers at each scrape; they must outlive those.
void register_breaker_gauges(MetricRegistry& registry, std::vector<DependencyGuard*> guards);

}  // namespace eventbus
