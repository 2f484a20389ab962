#include "eventbus/cli/service.hpp"

#include <stdexcept>

#include "eventbus/bus/bus_metrics.hpp"
#include "eventbus/cli/version.hpp"

namespace eventbus::cli {
Service::Service(asio::io_context& loop, Engine& engine, ServiceSettings settings)
    : engine_(engine),
      settings_(std::move(settings)),
      publisher_(
          loop.get_executor(), engine.store(), engine.broker(),
          [&engine](std::span<const StoredEvent> events) { engine.committed(events); }, engine.metrics(),
          settings_.publisher),
      modes_(loop.get_executor(), engine.modes(), publisher_),
      bus_{publisher_, modes_, engine.feed(), engine.store(), engine.broker(), engine.relay(), engine.guards()},
      http_(loop, bus_, engine.metrics(), settings_.http, [this] { return readiness(); }),
      http_task_(loop.get_executor()),
      ingest_tasks_(loop.get_executor()),
      publisher_task_(loop.get_executor()),
      modes_task_(loop.get_executor()),
      engine_tasks_(loop.get_executor()),
      stop_asked_(loop.get_executor()) {
  for (auto* source : engine.sources()) {
    ingests_.push_back(std::make_unique<Ingest>(loop.get_executor(), *source, publisher_, engine.metrics(),
                                                IngestSettings{.random = random_fraction}));
  }
  register_queue_gauges(engine.metrics(), engine.broker());
  register_breaker_gauges(engine.metrics(), engine.guards());
  engine.metrics()
      .gauges("eventbus_build_info", "Always 1; the labels say what runs.", {"version", "engine"})
      .with({version(), engine.name()})
      .set(1);
}

Readiness Service::readiness() const {
  auto readiness = engine_.readiness();
  readiness.ready = readiness.ready && !stopping_;
  return readiness;
}

asio::awaitable<void> Service::start() {
  co_await engine_.start();
  co_await modes_.look();
  try {
    http_.listen();
  } catch (const Unavailable& error) {
    throw Unavailable(
        "EVENTBUS_LISTEN (--listen)",
        std::string(error.what()) + "; stop what listens there or choose another address, port 0 is any free one");
  }
}

asio::awaitable<void> Service::run() {
  for (auto& part : engine_.parts()) engine_tasks_.spawn(part.name, until_stopped(std::move(part.work)));
  publisher_task_.spawn("publisher", until_stopped(publisher_.run()));
  modes_task_.spawn("modes", until_stopped(modes_.run()));
  for (auto& ingest : ingests_) ingest_tasks_.spawn("ingest", until_stopped(ingest->run()));
  http_task_.spawn("http", until_stopped(http_.run()));
  while (!stopping_) co_await stop_asked_.wait();
  co_await drain();
}

/// From the outside in: each part still finds those it needs while it finishes.
asio::awaitable<void> Service::drain() {
  http_.stop(std::chrono::steady_clock::now() + settings_.drain);
  engine_.feed().stop();
  for (auto& ingest : ingests_) ingest->stop();
  co_await http_task_.join();
  co_await ingest_tasks_.join();
  publisher_.stop();
  co_await publisher_task_.join();
  modes_.stop();
  co_await modes_task_.join();
  engine_.stop();
  co_await engine_tasks_.join();
}

void Service::stop() {
  stopping_ = true;
  stop_asked_.notify_all();
}

/// A part that ends by itself fails as one does that throws.
asio::awaitable<void> Service::until_stopped(asio::awaitable<void> part) {
  co_await std::move(part);
  if (!stopping_) throw std::logic_error("ended although nobody asked it to");
}

}  // namespace eventbus::cli
