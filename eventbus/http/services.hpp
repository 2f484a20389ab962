#pragma once

#include <string>
#include <string_view>

#include "eventbus/bus/bus.hpp"
#include "eventbus/http/http_metrics.hpp"
#include "eventbus/http/router.hpp"
#include "eventbus/http/server.hpp"
#include "eventbus/http/settings.hpp"
#include "eventbus/telemetry/trouble_log.hpp"

namespace eventbus {

/// What every session and handler shares. The event loop's thread only.
struct Services {
  Services(Bus& bus_of, MetricRegistry& registry_of, HttpSettings settings_of, ReadinessProbe readiness_of);

  Bus bus;
  MetricRegistry& registry;
  HttpSettings settings;
  ReadinessProbe readiness;
  Router router;
  HttpMetrics metrics;
  std::string openapi;  ///< The document of GET /openapi.json.
  std::string docs;     ///< The page of GET /docs.
  TroubleLog troubles;  ///< That requests met.
  std::size_t in_flight = 0;
  bool draining = false;
};

}  // namespace eventbus
