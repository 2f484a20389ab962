#pragma once

#include <map>
#include <string_view>
#include <tuple>
#include <vector>

#include "eventbus/core/error.hpp"
#include "eventbus/http/route.hpp"
#include "eventbus/telemetry/metrics.hpp"

namespace eventbus {

/// What the transport counts. Names and labels are contract (docs/metrics.md).
class HttpMetrics {
 public:
  HttpMetrics(MetricRegistry& registry, const std::vector<Route>& routes);

  /// One answered request. `route` is an index into the routes, or `unmatched`.
  void count(std::size_t route, http::verb method, int status, double seconds);
  void count_rejected(ErrorCode code, std::size_t events = 1);
  std::size_t unmatched() const { return durations_.size() - 1; }

  Gauge& connections;  ///< eventbus_http_connections

 private:
  using Key = std::tuple<std::size_t, http::verb, int>;

  CounterFamily& requests_;  ///< eventbus_http_requests_total{route,method,status}
  CounterFamily& rejected_;  ///< eventbus_events_rejected_total{code}
  std::vector<std::string_view> names_;
  std::vector<Histogram*> durations_;  ///< eventbus_http_request_duration_seconds{route}
  std::map<Key, Counter*> seen_;
};

}  // namespace eventbus
