#include "eventbus/http/services.hpp"

#include <utility>

#include "eventbus/http/docs_page.hpp"
#include "eventbus/http/openapi.hpp"

namespace eventbus {

Services::Services(Bus& bus_of, MetricRegistry& registry_of, HttpSettings settings_of, ReadinessProbe readiness_of)
    : bus(bus_of),
      registry(registry_of),
      settings(std::move(settings_of)),
      readiness(std::move(readiness_of)),
      router(all_routes()),
      metrics(registry, router.routes()),
      openapi(openapi_document(router.routes())),
      docs(docs_page(router.routes())) {}

}  // namespace eventbus
