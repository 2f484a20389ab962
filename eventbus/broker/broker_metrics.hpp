#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "eventbus/telemetry/metrics.hpp"

namespace eventbus {

/// What every broker counts. Names and labels are contract (docs/metrics.md). For the event-loop thread.
struct BrokerMetrics {
  explicit BrokerMetrics(MetricRegistry& registry);

  CounterFamily& published;  ///< eventbus_events_published_total{event_type,exchange}: to some queue
  CounterFamily& consumed;   ///< eventbus_events_consumed_total{event_type,queue}: acknowledged
  CounterFamily&
      deliveries;  ///< eventbus_deliveries_total{queue,outcome}: delivered, acked, nacked, expired, given_back
  CounterFamily& dead_letters;     ///< eventbus_dead_letters_total{queue,reason}
  CounterFamily& retries;          ///< eventbus_retries_total{queue}
  HistogramFamily& delivery_time;  ///< eventbus_delivery_duration_seconds{queue}: delivered → acknowledged
  HistogramFamily& end_to_end;     ///< eventbus_end_to_end_latency_seconds{queue}: stored → delivered, first attempts
  CounterFamily& unroutable;       ///< eventbus_events_unroutable_total{exchange}: no queue wanted them

 private:
  friend class QueueSeries;
  using Claims = std::map<std::string, std::size_t, std::less<>>;
  std::shared_ptr<Claims> claims_ = std::make_shared<Claims>();  ///< Held by this only: gone when this is.
};

/// A claim on the series of one queue: they end with the last claim on its name, which the queue's object holds. May
/// outlive the metrics. For the event-loop thread.
class QueueSeries {
 public:
  QueueSeries(BrokerMetrics& metrics, std::string_view queue);
  ~QueueSeries();
  QueueSeries(const QueueSeries&) = delete;
  QueueSeries& operator=(const QueueSeries&) = delete;

 private:
  BrokerMetrics& metrics_;
  std::weak_ptr<BrokerMetrics::Claims> claims_;
  std::string queue_;
};

}  // namespace eventbus
