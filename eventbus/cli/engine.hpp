#pragma once

#include <boost/asio/awaitable.hpp>
#include <span>
#include <string>
#include <vector>

#include "eventbus/broker/broker.hpp"
#include "eventbus/broker/event_source.hpp"
#include "eventbus/bus/event_feed.hpp"
#include "eventbus/bus/relay.hpp"
#include "eventbus/http/server.hpp"
#include "eventbus/runtime/dependency_guard.hpp"
#include "eventbus/store/event_store.hpp"
#include "eventbus/store/mode_store.hpp"
#include "eventbus/telemetry/metrics.hpp"

namespace eventbus::cli {

namespace asio = boost::asio;

/// Where events and queues are kept, wired: everything below the use-cases. For the loop's thread.
class Engine {
 public:
  /// Runs beside the others until `stop`. One that ends by itself, or by an exception, ends the process at once.
  struct Part {
    std::string name;
    asio::awaitable<void> work;
  };

  virtual ~Engine() = default;
  virtual std::string name() const = 0;
  virtual MetricRegistry& metrics() = 0;
  virtual EventStore& store() = 0;
  virtual Broker& broker() = 0;
  virtual EventFeed& feed() = 0;
  virtual ModeStore& modes() = 0;
  virtual Relay* relay() { return nullptr; }
  /// Where events come from beside the API.
  virtual std::vector<EventSource*> sources() { return {}; }
  virtual std::vector<DependencyGuard*> guards() { return {}; }

  /// Prepares storage and restores queues. Throws `Unavailable` with a remedy when it can't.
  virtual asio::awaitable<void> start() = 0;
  virtual std::vector<Part> parts() = 0;
  /// The parts end soon. Idempotent.
  virtual void stop() = 0;
  /// Events just committed through this instance.
  virtual void committed(std::span<const StoredEvent> events) = 0;
  virtual Readiness readiness() const = 0;
  /// Logs what it uses.
  virtual void announce() = 0;
};

}  // namespace eventbus::cli
