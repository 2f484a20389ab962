#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "eventbus/bus/bus.hpp"
#include "eventbus/http/settings.hpp"
#include "eventbus/telemetry/metrics.hpp"

namespace eventbus {

/// What GET /ready tells, e.g. {true, {{"broker", "embedded"}, {"store", "sqlite"}}}.
struct Readiness {
  bool ready = true;
  std::vector<std::pair<std::string, std::string>> parts;
};

/// Asked on the event-loop thread for each GET /ready; must not block.
using ReadinessProbe = std::function<Readiness()>;

/// The HTTP API on one event loop. All members on the loop's thread. `bus`, `metrics` and the loop outlive the server.
///
///   HttpServer server(loop, bus, metrics, settings, [] { return Readiness{...}; });
///   server.listen();
///   group.spawn("http", server.run());
///   ... server.stop(steady_clock::now() + drain);   // run() returns when the last connection is closed
class HttpServer {
 public:
  HttpServer(asio::io_context& loop, Bus& bus, MetricRegistry& metrics, HttpSettings settings,
             ReadinessProbe readiness);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Binds and listens. Throws `Unavailable` naming the address when it can't (in use, not permitted, no such address).
  void listen();
  /// The port listened on. Valid after `listen`.
  std::uint16_t port() const;

  /// Serves until `stop`, then until the last connection is closed.
  asio::awaitable<void> run();

  /// Drains: stops accepting, closes idle connections, ends long polls and streams, lets requests in flight finish with
  /// `Connection: close`, and at `deadline` closes what is left. Idempotent; an earlier deadline replaces a later one.
  void stop(std::chrono::steady_clock::time_point deadline);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace eventbus
