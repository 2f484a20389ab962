#include "eventbus/cli/embedded_server.hpp"

#include "eventbus/bus/bus_metrics.hpp"
#include "eventbus/cli/version.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus::cli {

EmbeddedServer::EmbeddedServer(asio::io_context& loop, EmbeddedServerSettings settings)
    : settings_(std::move(settings)),
      database_(loop.get_executor(), {.directory = settings_.data_directory}),
      store_(database_, store_metrics_),
      broker_(loop.get_executor(), store_, database_, broker_metrics_),
      feed_(loop.get_executor(), store_),
      publisher_(loop.get_executor(), store_, broker_, feed_, metrics_, settings_.publisher),
      http_(loop, bus_, metrics_, settings_.http, [this] { return readiness(); }),
      http_task_(loop.get_executor()),
      publisher_task_(loop.get_executor()),
      broker_task_(loop.get_executor()),
      stop_asked_(loop.get_executor()) {
  register_queue_gauges(metrics_, broker_);
  metrics_.gauges("eventbus_build_info", "Always 1; the labels say what runs.", {"version", "engine"})
      .with({version(), "embedded"})
      .set(1);
}

EmbeddedServer::~EmbeddedServer() = default;

Readiness EmbeddedServer::readiness() const {
  return {.ready = !stopping_, .parts = {{"broker", "embedded"}, {"store", "sqlite"}}};
}

asio::awaitable<void> EmbeddedServer::start() {
  co_await broker_.start();
  try {
    http_.listen();
  } catch (const Unavailable& error) {
    throw Unavailable(
        "EVENTBUS_LISTEN (--listen)",
        std::string(error.what()) + "; stop what listens there or choose another address, port 0 is any free one");
  }
}

asio::awaitable<void> EmbeddedServer::run() {
  broker_task_.spawn("broker", supervise("broker", broker_.run()));
  publisher_task_.spawn("publisher", supervise("publisher", publisher_.run()));
  http_task_.spawn("http", supervise("http", http_.run()));
  while (!stopping_) co_await stop_asked_.wait();
  co_await drain();
}

/// From the outside in: each part still finds those it needs while it finishes.
asio::awaitable<void> EmbeddedServer::drain() {
  http_.stop(std::chrono::steady_clock::now() + settings_.drain);
  feed_.stop();
  co_await http_task_.join();
  publisher_.stop();
  co_await publisher_task_.join();
  broker_.stop();
  co_await broker_task_.join();
}

void EmbeddedServer::stop() {
  stopping_ = true;
  stop_asked_.notify_all();
}

asio::awaitable<void> EmbeddedServer::supervise(std::string part, asio::awaitable<void> task) {
  try {
    co_await std::move(task);
  } catch (const std::exception& error) {
    log(LogLevel::critical, "a part failed; the process stops, start it again to go on from what is on disk",
        {{"part", part}, {"error", std::string_view(error.what())}});
    failed_ = true;
  }
  if (!stopping_) {
    failed_ = true;
    stop();
  }
}

}  // namespace eventbus::cli
