#pragma once

#include "eventbus/broker/broker.hpp"
#include "eventbus/telemetry/metrics.hpp"

namespace eventbus {

/// Registers eventbus_queue_messages{queue,state} and eventbus_queue_oldest_age_seconds{queue}, read from the broker at
/// each scrape, so that a deleted queue disappears. `broker` must outlive the registry's scrapes.
void register_queue_gauges(MetricRegistry& registry, Broker& broker);

}  // namespace eventbus
