#include "eventbus/bus/bus_metrics.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace eventbus {
namespace {

double number_of(CircuitBreaker::State state) {
  using enum CircuitBreaker::State;
  return state == closed ? 0 : state == half_open ? 1 : 2;
}

}  // namespace

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
      messages.with({queue, "ready"}).add(static_cast<double>(info.ready));
      messages.with({queue, "in_flight"}).add(static_cast<double>(info.in_flight));
      messages.with({queue, "delayed"}).add(static_cast<double>(info.delayed));
      messages.with({queue, "dead_letter"}).add(static_cast<double>(info.dead_letters));
      const auto age = info.oldest_since ? std::chrono::duration<double>(time - *info.oldest_since).count() : 0.0;
      oldest.with({queue}).add(std::max(0.0, age));
    }
  });
}

void register_breaker_gauges(MetricRegistry& registry, std::vector<DependencyGuard*> guards) {
  if (guards.empty()) return;
  auto& states = registry.gauges("eventbus_breaker_state",
                                 "Circuit breaker of a dependency: 0 closed, 1 half-open, 2 open.", {"name"});
  registry.before_scrape([&states, guards = std::move(guards)] {
    for (const auto* guard : guards) states.with({guard->breaker().name()}).set(number_of(guard->breaker().state()));
  });
}

}  // namespace eventbus
