#include "eventbus/postgres/connection_pool.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <random>
#include <vector>

#include "eventbus/postgres/pool_permits.hpp"
#include "eventbus/postgres/reconnect_schedule.hpp"
#include "eventbus/runtime/signal.hpp"
#include "eventbus/telemetry/trouble_log.hpp"

namespace eventbus::postgres {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto trusted_while_idle = std::chrono::seconds{30};
constexpr auto kept_above_min = std::chrono::minutes{5};
constexpr auto ping_timeout = std::chrono::seconds{2};

/// Counts one while it lives.
class Counted {
 public:
  explicit Counted(Gauge& gauge) : gauge_(gauge) { gauge_.add(1); }
  ~Counted() { gauge_.add(-1); }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  Gauge& gauge_;
};

}  // namespace

PoolMetrics::PoolMetrics(MetricRegistry& registry)
    : idle(registry.gauges("eventbus_pool_connections", "PostgreSQL connections.", {"state"}).with({"idle"})),
      busy(registry.gauges("eventbus_pool_connections", "PostgreSQL connections.", {"state"}).with({"busy"})),
      connecting(
          registry.gauges("eventbus_pool_connections", "PostgreSQL connections.", {"state"}).with({"connecting"})) {}

struct ConnectionPool::State : std::enable_shared_from_this<ConnectionPool::State> {
  struct Idle {
    std::unique_ptr<Connection> connection;
    Clock::time_point since;
  };
  class Attempt;

  State(asio::any_io_executor executor_of, ConnectionSettings connection_of, PoolSettings settings_of,
        PoolMetrics& metrics_of)
      : executor(std::move(executor_of)),
        connection(std::move(connection_of)),
        settings(settings_of),
        metrics(metrics_of),
        permits(executor, settings.max),
        schedule(settings.reconnect),
        attempted(executor),
        guard(settings.breaker) {}
  ~State() { metrics.idle.add(-static_cast<double>(idle.size())); }

  asio::awaitable<void> take_permit(Deadline deadline);
  asio::awaitable<std::unique_ptr<Connection>> idle_connection(Deadline deadline);
  asio::awaitable<std::unique_ptr<Connection>> open(Deadline deadline);
  asio::awaitable<void> wait_for_turn(Deadline deadline);
  asio::awaitable<std::unique_ptr<Connection>> connect(Deadline deadline);
  asio::awaitable<std::unique_ptr<Connection>> find(Deadline deadline);
  void drop_idle();
  void give_back(std::unique_ptr<Connection> returned);
  void drop_surplus(Clock::time_point now);
  Unavailable exhausted() const {
    const auto reason =
        fmt::format("all {} connections are busy. Look for slow queries, or raise POOL_MAX_SIZE.", settings.max);
    return Unavailable("using " + connection.printable(), reason).tell_client("PostgreSQL: " + reason);
  }
  Unavailable closed_error() const { return {"using " + connection.printable(), "the service shuts down"}; }

  asio::any_io_executor executor;
  ConnectionSettings connection;
  PoolSettings settings;
  PoolMetrics& metrics;
  PoolPermits permits;
  ReconnectSchedule schedule;
  Signal attempted;
  DependencyGuard guard;
  std::optional<ServerError> last_failure;
  TroubleLog troubles;
  std::vector<Check> checks;
  std::vector<Idle> idle;  ///< Longest idle first.
  std::mt19937 random{std::random_device{}()};
  bool closed = false;
};

/// One attempt to connect; however it ends, those who wait for it hear of it.
class ConnectionPool::State::Attempt {
 public:
  explicit Attempt(State& state) : state_(state), connecting_(state.metrics.connecting) { state.schedule.begin(); }
  ~Attempt() {
    if (!reported_) state_.schedule.abandoned();
    state_.attempted.notify_all();
  }
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;

  void succeeded() {
    if (state_.troubles.over())
      log_info("PostgreSQL answers again", {{"server", std::string_view(state_.connection.printable())}});
    state_.schedule.succeeded();
    state_.last_failure.reset();
    state_.guard.succeeded();
    reported_ = true;
  }
  void failed(const ServerError& error) {
    log(state_.troubles.level(error.what()), "PostgreSQL can't be used", {{"error", std::string_view(error.what())}});
    state_.schedule.failed(Clock::now(), std::uniform_real_distribution<double>(0, 1)(state_.random));
    state_.last_failure.emplace(error);
    state_.guard.failed(error.what());
    reported_ = true;
  }

 private:
  State& state_;
  Counted connecting_;
  bool reported_ = false;
};

asio::awaitable<void> ConnectionPool::State::take_permit(Deadline deadline) {
  if (permits.waiting() >= settings.max_waiting)
    throw Unavailable("using " + connection.printable(), "too many operations wait for a connection");
  const bool taken = co_await permits.take(deadline);
  if (!taken) throw exhausted();
}

asio::awaitable<std::unique_ptr<Connection>> ConnectionPool::State::idle_connection(Deadline deadline) {
  while (!idle.empty()) {
    auto [candidate, since] = std::move(idle.back());
    idle.pop_back();
    metrics.idle.add(-1);
    if (!candidate->alive()) continue;
    if (guard.closed() && Clock::now() - since < trusted_while_idle) co_return std::move(candidate);
    try {
      co_await candidate->script("", std::min(deadline, Clock::now() + ping_timeout));
      guard.succeeded();
      co_return std::move(candidate);
    } catch (const ServerError& error) {
      log(LogLevel::debug, "an idle connection was broken; a new one is made",
          {{"error", std::string_view(error.what())}});
      drop_idle();  // those beside it are no better
    }
  }
  co_return nullptr;
}

asio::awaitable<std::unique_ptr<Connection>> ConnectionPool::State::open(Deadline deadline) {
  std::unique_ptr<Connection> opened;
  while (!opened) {
    co_await wait_for_turn(deadline);
    Attempt attempt(*this);
    try {
      opened = co_await connect(deadline);
      attempt.succeeded();
    } catch (const ServerError& error) {
      attempt.failed(error);
      if (error.lasting() || !guard.closed() || Clock::now() >= deadline) throw;
    }
  }
  co_return opened;
}

asio::awaitable<void> ConnectionPool::State::wait_for_turn(Deadline deadline) {
  for (auto now = Clock::now(); !schedule.may_begin(now); now = Clock::now()) {
    if (now >= deadline && last_failure) throw ServerError(*last_failure);
    if (now >= deadline) throw Unavailable("connecting to " + connection.printable(), "no answer in time");
    co_await attempted.wait_until(std::min(deadline, schedule.next()));
    if (guard.breaker().state() == CircuitBreaker::State::open) throw guard.refusal();
  }
  if (closed) throw closed_error();
}

asio::awaitable<std::unique_ptr<Connection>> ConnectionPool::State::connect(Deadline deadline) {
  auto opened = co_await Connection::connect(executor, connection, deadline);
  for (const auto& check : checks) co_await check(*opened, deadline);
  co_return opened;
}

/// An idle connection or a new one, as one call of the breaker.
asio::awaitable<std::unique_ptr<Connection>> ConnectionPool::State::find(Deadline deadline) {
  const DependencyGuard::Call call(guard);
  auto found = co_await idle_connection(deadline);
  if (!found) found = co_await open(deadline);
  co_return found;
}

void ConnectionPool::State::drop_idle() {
  metrics.idle.add(-static_cast<double>(idle.size()));
  idle.clear();
}

void ConnectionPool::State::give_back(std::unique_ptr<Connection> returned) {
  const auto now = Clock::now();
  if (returned && !returned->trouble().empty()) guard.failed(returned->trouble());
  if (returned && returned->usable()) guard.succeeded();
  if (returned && returned->usable() && !closed) {
    idle.push_back({std::move(returned), now});
    metrics.idle.add(1);
  }
  drop_surplus(now);
  permits.give_back();
}

void ConnectionPool::State::drop_surplus(Clock::time_point now) {
  while (idle.size() > settings.min && now - idle.front().since > kept_above_min) {
    idle.erase(idle.begin());
    metrics.idle.add(-1);
  }
}

ConnectionPool::ConnectionPool(asio::any_io_executor executor, ConnectionSettings connection, PoolSettings settings,
                               PoolMetrics& metrics)
    : state_(std::make_shared<State>(std::move(executor), std::move(connection), settings, metrics)) {}

ConnectionPool::~ConnectionPool() {
  close();
}

void ConnectionPool::add_check(Check check) {
  state_->checks.push_back(std::move(check));
}

asio::awaitable<ConnectionPool::Lease> ConnectionPool::acquire(Deadline deadline) {
  const auto state = state_;
  if (state->closed) throw state->closed_error();
  state->guard.check();
  deadline = std::min(deadline, Clock::now() + state->settings.acquire_timeout);
  co_await state->take_permit(deadline);
  Lease lease(state, nullptr);
  lease.connection_ = co_await state->find(deadline);
  co_return lease;
}

asio::awaitable<ConnectionPool::Lease> ConnectionPool::acquire() {
  return acquire(Deadline::max());
}

asio::awaitable<Rows> ConnectionPool::execute(Statement statement, Deadline deadline) {
  auto lease = co_await acquire(deadline);
  co_return co_await lease->execute(std::move(statement), deadline);
}

asio::awaitable<void> ConnectionPool::warm_up() {
  const auto wanted = std::min(state_->settings.min, state_->settings.max);
  std::vector<Lease> leases;
  while (leases.size() < wanted) leases.push_back(co_await acquire());
}

void ConnectionPool::close() {
  state_->closed = true;
  state_->drop_idle();
}

bool ConnectionPool::connected() const {
  return !state_->schedule.failing();
}

DependencyGuard& ConnectionPool::guard() const {
  return state_->guard;
}

const ConnectionSettings& ConnectionPool::connection_settings() const {
  return state_->connection;
}

asio::any_io_executor ConnectionPool::executor() const {
  return state_->executor;
}

ConnectionPool::Lease::Lease(std::shared_ptr<State> pool, std::unique_ptr<Connection> connection)
    : pool_(std::move(pool)), connection_(std::move(connection)) {
  pool_->metrics.busy.add(1);
}

ConnectionPool::Lease::~Lease() {
  if (!pool_) return;
  pool_->metrics.busy.add(-1);
  pool_->give_back(std::move(connection_));
}

}  // namespace eventbus::postgres
