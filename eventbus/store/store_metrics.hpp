#pragma once

#include "eventbus/telemetry/metrics.hpp"

namespace eventbus {

/// What every event store counts. Names are contract (docs/metrics.md).
struct StoreMetrics {
  explicit StoreMetrics(MetricRegistry& registry);

  Counter& stored;            ///< eventbus_events_stored_total
  Counter& duplicates;        ///< eventbus_events_duplicate_total
  Histogram& write_duration;  ///< eventbus_store_write_duration_seconds: one group, fsync included
  Histogram& batch_size;      ///< eventbus_store_batch_size: drafts of one group
  Histogram& query_duration;  ///< eventbus_store_query_duration_seconds
};

}  // namespace eventbus
