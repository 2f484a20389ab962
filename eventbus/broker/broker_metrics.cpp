#include "eventbus/broker/broker_metrics.hpp"

namespace eventbus {

BrokerMetrics::BrokerMetrics(MetricRegistry& registry)
    : published(registry.counters("eventbus_events_published_total", "Events confirmed by the broker.",
                                  {"event_type", "exchange"})),
      consumed(registry.counters("eventbus_events_consumed_total", "Deliveries acknowledged by consumers.",
                                 {"event_type", "queue"})),
      deliveries(registry.counters("eventbus_deliveries_total", "Deliveries by outcome.", {"queue", "outcome"})),
      dead_letters(
          registry.counters("eventbus_dead_letters_total", "Events that became dead letters.", {"queue", "reason"})),
      retries(
          registry.counters("eventbus_retries_total", "Deliveries scheduled again after a failed attempt.", {"queue"})),
      delivery_time(registry.histograms("eventbus_delivery_duration_seconds",
                                        "Time from a delivery to its acknowledgement.", {"queue"})),
      end_to_end(registry.histograms("eventbus_end_to_end_latency_seconds",
                                     "Time from storing an event to its first delivery.", {"queue"})),
      unroutable(registry.counters("eventbus_events_unroutable_total",
                                   "Events that no queue wanted when they were published; they stay in the store.",
                                   {"exchange"})) {
  dead_letters.reserve(
      "reason", {"max_retries", "lease_expired", "rejected", "expired", "max_length", "malformed", "delivery_limit"});
}

QueueSeries::QueueSeries(BrokerMetrics& metrics, std::string_view queue)
    : metrics_(metrics), claims_(metrics.claims_), queue_(queue) {
  ++(*metrics.claims_)[queue_];
}

QueueSeries::~QueueSeries() {
  const auto claims = claims_.lock();
  if (!claims) return;
  const auto claim = claims->find(queue_);
  if (--claim->second > 0) return;
  claims->erase(claim);
  for (auto* family : {&metrics_.consumed, &metrics_.deliveries, &metrics_.dead_letters, &metrics_.retries})
    family->end("queue", queue_);
  for (auto* family : {&metrics_.delivery_time, &metrics_.end_to_end}) family->end("queue", queue_);
}

}  // namespace eventbus
