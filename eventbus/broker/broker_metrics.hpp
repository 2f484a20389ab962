#pragma once

#include "eventbus/telemetry/metrics.hpp"

namespace eventbus {

/// What every broker counts. Names and labels are contract (docs/metrics.md).
struct BrokerMetrics {
  explicit BrokerMetrics(MetricRegistry& registry);

  CounterFamily& published;  ///< eventbus_events_published_total{event_type,exchange}
  CounterFamily& consumed;   ///< eventbus_events_consumed_total{event_type,queue}: acknowledged
  CounterFamily&
      deliveries;  ///< eventbus_deliveries_total{queue,outcome}: delivered, acked, nacked, expired, given_back
  CounterFamily& dead_letters;     ///< eventbus_dead_letters_total{queue,reason}
  CounterFamily& retries;          ///< eventbus_retries_total{queue}
  HistogramFamily& delivery_time;  ///< eventbus_delivery_duration_seconds{queue}: delivered → acknowledged
  HistogramFamily& end_to_end;     ///< eventbus_end_to_end_latency_seconds{queue}: stored → delivered, first attempts
};

}  // namespace eventbus
