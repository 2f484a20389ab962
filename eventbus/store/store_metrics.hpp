#pragma once

#include <chrono>

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

/// Observes the time until it is destroyed.
class Stopwatch {
 public:
  explicit Stopwatch(Histogram& histogram) : histogram_(histogram) {}
  ~Stopwatch() { histogram_.observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count()); }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  Histogram& histogram_;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

}  // namespace eventbus
