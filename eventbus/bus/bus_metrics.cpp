#include "eventbus/bus/bus_metrics.hpp"

#include <algorithm>
#include <chrono>

namespace eventbus {

void register_queue_gauges(MetricRegistry& registry, Broker& broker) {
  auto& messages = registry.gauges("eventbus_queue_messages", "Events of a queue by state.", {"queue", "state"});
  auto& oldest =
      registry.gauges("eventbus_queue_oldest_age_seconds", "Age of the oldest unsettled event of a queue.", {"queue"});
  registry.before_scrape([&messages, &oldest, &broker] {
    messages.clear();
    oldest.clear();
    const auto time = now();
    for (const auto& info : broker.last_known()) {
      const std::string_view queue = info.definition.name;
      messages.with({queue, "ready"}).set(static_cast<double>(info.ready));
      messages.with({queue, "in_flight"}).set(static_cast<double>(info.in_flight));
      messages.with({queue, "delayed"}).set(static_cast<double>(info.delayed));
      messages.with({queue, "dead_letter"}).set(static_cast<double>(info.dead_letters));
      const auto age =
          info.oldest_stored_at ? std::chrono::duration<double>(time - *info.oldest_stored_at).count() : 0.0;
      oldest.with({queue}).set(std::max(0.0, age));
    }
  });
}

}  // namespace eventbus
