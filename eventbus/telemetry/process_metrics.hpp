#pragma once

#include "eventbus/telemetry/metrics.hpp"

namespace eventbus {

/// Registers the process metrics that Prometheus client libraries agree on, read from /proc/self at each scrape.
void register_process_metrics(MetricRegistry& registry);

}  // namespace eventbus
