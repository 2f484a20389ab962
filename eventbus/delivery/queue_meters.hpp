#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "eventbus/broker/broker_metrics.hpp"

namespace eventbus::delivery {

/// The counters of one queue, looked up once.
struct QueueMeters {
  QueueMeters(BrokerMetrics& metrics, std::string_view queue);
  /// Remembers the counter of an event type; the index names it in `consumed`.
  std::uint32_t type_index(BrokerMetrics& metrics, std::string_view queue, std::string_view event_type);

  QueueSeries series;
  Counter& delivered;
  Counter& acked;
  Counter& nacked;
  Counter& expired;
  Counter& given_back;
  Counter& retries;
  Histogram& delivery_time;
  Histogram& end_to_end;
  std::vector<Counter*> consumed;  ///< 0: of events whose type is not known any more.

 private:
  boost::unordered_flat_map<std::string, std::uint32_t> types_;
};

}  // namespace eventbus::delivery
