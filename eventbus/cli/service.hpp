#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "eventbus/bus/bus.hpp"
#include "eventbus/bus/ingest.hpp"
#include "eventbus/cli/engine.hpp"
#include "eventbus/http/server.hpp"
#include "eventbus/runtime/task_group.hpp"

namespace eventbus::cli {

struct ServiceSettings {
  HttpSettings http;
  PublisherSettings publisher;
  std::chrono::milliseconds drain{30000};
};

/// The service on an engine, wired: engine → publisher → HTTP. Members on the loop's thread.
class Service {
 public:
  /// The engine and the loop must outlive it.
  Service(asio::io_context& loop, Engine& engine, ServiceSettings settings);
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  /// Restores what the engine kept and listens; `port` is valid when it returns. Throws `Unavailable` when it can't.
  asio::awaitable<void> start();
  /// Serves until `stop`; then drains: not ready, accepts nothing, finishes what is in flight, gives deliveries back. A
  /// part that fails leaves the loop's `run()` as `TaskFailed`.
  asio::awaitable<void> run();
  /// Idempotent.
  void stop();

  std::uint16_t port() const { return http_.port(); }

 private:
  asio::awaitable<void> until_stopped(asio::awaitable<void> part);
  asio::awaitable<void> drain();
  Readiness readiness() const;

  Engine& engine_;
  ServiceSettings settings_;
  Publisher publisher_;
  ModeKeeper modes_;
  Bus bus_;
  HttpServer http_;
  std::vector<std::unique_ptr<Ingest>> ingests_;
  TaskGroup http_task_;
  TaskGroup ingest_tasks_;
  TaskGroup publisher_task_;
  TaskGroup modes_task_;
  TaskGroup engine_tasks_;
  Signal stop_asked_;
  bool stopping_ = false;
};

}  // namespace eventbus::cli
