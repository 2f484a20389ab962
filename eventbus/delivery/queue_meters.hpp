#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "eventbus/broker/broker_metrics.hpp"
#include "eventbus/core/text_hash.hpp"
#include "eventbus/delivery/settlement.hpp"

namespace eventbus::delivery {

/// The counters of one queue, looked up once. For the event-loop thread.
struct QueueMeters {
  QueueMeters(BrokerMetrics& metrics, std::string_view queue);
  /// Remembers the counter of an event type; the index is that of a settling.
  std::uint32_t type_index(std::string_view event_type);
  Counter& consumed(std::string_view event_type) { return *consumed_[type_index(event_type)]; }
  /// What was written.
  void observe(const Settlement& settlement, Timestamp now);

  QueueSeries series;
  Counter& delivered;
  Counter& acked;
  Counter& nacked;
  Counter& expired;
  Counter& given_back;
  Counter& retries;
  Histogram& delivery_time;
  Histogram& end_to_end;

 private:
  void count_acked(const Settlement& settlement);

  BrokerMetrics& metrics_;
  std::string queue_;
  std::vector<Counter*> consumed_;  ///< 0: of events whose type is not known any more.
  boost::unordered_flat_map<std::string, std::uint32_t, TextHash, std::equal_to<>> types_;
};

}  // namespace eventbus::delivery
