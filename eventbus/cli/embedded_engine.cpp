#include "eventbus/cli/embedded_engine.hpp"

#include "eventbus/telemetry/log.hpp"

namespace eventbus::cli {

EmbeddedEngine::EmbeddedEngine(asio::io_context& loop, std::filesystem::path directory)
    : directory_(std::move(directory)),
      database_(loop.get_executor(), {.directory = directory_}),
      store_(database_, store_metrics_),
      modes_(database_),
      broker_(loop.get_executor(), store_, database_, broker_metrics_),
      feed_(loop.get_executor(), store_) {}

asio::awaitable<void> EmbeddedEngine::start() {
  co_await broker_.start();
}

std::vector<Engine::Part> EmbeddedEngine::parts() {
  std::vector<Part> parts;
  parts.push_back({"broker", broker_.run()});
  return parts;
}

void EmbeddedEngine::committed(std::span<const StoredEvent> events) {
  broker_.take(events);
  feed_.take(events);
}

Readiness EmbeddedEngine::readiness() const {
  return {.ready = true, .parts = {{"broker", "embedded"}, {"store", "sqlite"}}};
}

void EmbeddedEngine::announce() {
  const auto directory = directory_.lexically_normal().string();
  log_info("data directory open", {{"directory", std::string_view(directory)},
                                   {"newest_position", std::int64_t{store_.head()}},
                                   {"queues", static_cast<std::int64_t>(broker_.last_known().size())}});
}

}  // namespace eventbus::cli
