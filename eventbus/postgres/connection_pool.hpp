#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "eventbus/core/retry_policy.hpp"
#include "eventbus/postgres/connection.hpp"
#include "eventbus/runtime/dependency_guard.hpp"
#include "eventbus/telemetry/metrics.hpp"

namespace eventbus::postgres {

struct PoolSettings {
  std::size_t min = 5;   ///< Connections that are kept open while idle. Higher: less waiting after a quiet time.
  std::size_t max = 20;  ///< Connections at most. Higher: more queries at a time, more memory of the server for each.
  std::chrono::milliseconds acquire_timeout{5'000};  ///< Most time to wait for a connection, connecting included.
  std::size_t max_waiting = 4096;                    ///< Operations that may wait; further ones are refused.
  std::string breaker = "postgres";                  ///< Name of the circuit breaker.
  RetryPolicy reconnect{.delay = std::chrono::milliseconds{100}, .max_delay = std::chrono::milliseconds{2'000}};
};

/// eventbus_pool_connections{state}; several pools add up.
struct PoolMetrics {
  explicit PoolMetrics(MetricRegistry& registry);
  Gauge& idle;
  Gauge& busy;
  Gauge& connecting;
};

/// Lends connections to one server. For the event-loop thread. Who asks first is served first. Connects when asked, so
/// that an idle pool leaves no work on the loop and a server that comes back is used at once; after failures with
/// exponential backoff and full jitter, one attempt at a time. Everything here throws `Unavailable`, and `BreakerOpen`
/// at once after several failures in a row: of attempts to connect, and of operations on leased connections that lost
/// the server or got no answer in time. What the server answers, errors included, is no such failure.
class ConnectionPool {
 public:
  /// A connection on loan. Given back when destroyed; closed instead when it is not usable. May outlive the pool.
  class Lease;
  /// Looks at each new connection before it is lent; throws to refuse it.
  using Check = std::function<asio::awaitable<void>(Connection&, Deadline)>;

  ConnectionPool(asio::any_io_executor executor, ConnectionSettings connection, PoolSettings settings,
                 PoolMetrics& metrics);
  ~ConnectionPool();
  ConnectionPool(const ConnectionPool&) = delete;
  ConnectionPool& operator=(const ConnectionPool&) = delete;

  void add_check(Check check);

  /// Waits until a connection is free, at most until `deadline` or the acquire timeout, whichever is first.
  asio::awaitable<Lease> acquire(Deadline deadline);
  asio::awaitable<Lease> acquire();
  /// Runs one statement on a connection of the pool.
  asio::awaitable<Rows> execute(Statement statement, Deadline deadline);
  /// Opens `min` connections at once. One that fails ends it with the error.
  asio::awaitable<void> warm_up();
  /// Closes idle connections; those on loan when they come back. Nothing is lent any more. Idempotent.
  void close();

  bool connected() const;  ///< Whether the last attempt to connect succeeded.
  DependencyGuard& guard() const;
  const ConnectionSettings& connection_settings() const;
  asio::any_io_executor executor() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

class ConnectionPool::Lease {
 public:
  Lease(std::shared_ptr<State> pool, std::unique_ptr<Connection> connection);
  ~Lease();
  Lease(Lease&&) noexcept = default;
  Lease& operator=(Lease&&) = delete;
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  Connection* operator->() const { return connection_.get(); }
  Connection& operator*() const { return *connection_; }

 private:
  friend class ConnectionPool;
  std::shared_ptr<State> pool_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace eventbus::postgres
