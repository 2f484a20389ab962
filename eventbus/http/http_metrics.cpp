#include "eventbus/http/http_metrics.hpp"

#include <string>

namespace eventbus {
namespace {

constexpr std::string_view unmatched_route = "unmatched";

std::string_view method_label(http::verb method) {
  switch (method) {
    case http::verb::get:
    case http::verb::head:
    case http::verb::post:
    case http::verb::put:
    case http::verb::delete_:
    case http::verb::options:
      return http::to_string(method);
    default:
      return "other";
  }
}

}  // namespace

HttpMetrics::HttpMetrics(MetricRegistry& registry, const std::vector<Route>& routes)
    : connections(registry.gauge("eventbus_http_connections", "Open HTTP connections.")),
      requests_(
          registry.counters("eventbus_http_requests_total", "HTTP requests answered.", {"route", "method", "status"})),
      rejected_(registry.counters("eventbus_events_rejected_total", "Events refused, by error code.", {"code"})) {
  auto& durations = registry.histograms("eventbus_http_request_duration_seconds",
                                        "Time from the end of a request's head to its answer.", {"route"});
  for (const auto& route : routes) names_.push_back(route.path);
  names_.push_back(unmatched_route);
  for (const auto name : names_) durations_.push_back(&durations.with({name}));
}

void HttpMetrics::count(std::size_t route, http::verb method, int status, double seconds) {
  auto& counter = seen_[{route, method, status}];
  if (counter == nullptr) counter = &requests_.with({names_[route], method_label(method), std::to_string(status)});
  counter->add();
  durations_[route]->observe(seconds);
}

void HttpMetrics::count_rejected(ErrorCode code, std::size_t events) {
  rejected_.with({describe(code).name}).add(static_cast<double>(events));
}

}  // namespace eventbus
