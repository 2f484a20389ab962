#include "eventbus/store/store_metrics.hpp"

namespace eventbus {

StoreMetrics::StoreMetrics(MetricRegistry& registry)
    : stored(registry.counter("eventbus_events_stored_total", "Events stored durably.")),
      duplicates(registry.counter("eventbus_events_duplicate_total", "Publishes that repeated a stored event.")),
      write_duration(registry.histogram("eventbus_store_write_duration_seconds",
                                        "Time of one group commit, flush to disk included.")),
      batch_size(registry.histogram("eventbus_store_batch_size", "Events of one group commit.",
                                    {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000})),
      query_duration(registry.histogram("eventbus_store_query_duration_seconds", "Time of one query of the store.")) {}

}  // namespace eventbus
