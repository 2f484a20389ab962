#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include "eventbus/core/error.hpp"
#include "eventbus/core/timestamp.hpp"
#include "eventbus/runtime/circuit_breaker.hpp"
#include "eventbus/telemetry/trouble_log.hpp"

namespace eventbus {

namespace asio = boost::asio;

/// A call that a circuit breaker refused. Its text stays the same while the breaker is open.
class BreakerOpen : public Unavailable {
 public:
  using Unavailable::Unavailable;
};

/// The level for a line of a part that tries again by itself: what a breaker refused has its lines already.
LogLevel level_of(const Unavailable& error, TroubleLog& troubles);

/// A circuit breaker at work around one dependency of this process: with a clock, jitter, log lines when it opens and
/// closes, and a hand on it. Only what breaks the world for everybody is a failure: no connection, no answer. For the
/// event-loop thread.
class DependencyGuard {
 public:
  using Clock = std::function<CircuitBreaker::Time()>;

  /// The longest cool-down bounds how late a dependency that is back is used again.
  static CircuitBreakerSettings default_settings() {
    return {.cool_down = {.delay = std::chrono::seconds{1}, .backoff = 2.0, .max_delay = std::chrono::seconds{4}}};
  }

  explicit DependencyGuard(std::string name, CircuitBreakerSettings settings = default_settings(),
                           Clock clock = std::chrono::steady_clock::now);
  DependencyGuard(const DependencyGuard&) = delete;
  DependencyGuard& operator=(const DependencyGuard&) = delete;

  /// One call that the breaker lets through; abandoned when it ends without a report.
  class Call {
   public:
    explicit Call(DependencyGuard& guard);  ///< Throws `BreakerOpen`.
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    void succeeded();
    void failed(std::string_view reason);

   private:
    DependencyGuard& guard_;
    bool probe_;
  };

  /// Whether a call may be let through now.
  bool would_allow() const;
  /// For what makes no call of its own: throws `BreakerOpen` unless `would_allow`.
  void check() const;
  /// News from calls that were let through earlier. A failure while the breaker cools down changes nothing.
  void succeeded();
  void failed(std::string_view reason);
  /// A failure that nobody called for, an attempt to reconnect, say: counts as the probe when one is due.
  void failed_by_itself(std::string_view reason);

  /// By hand, see CircuitBreaker.
  void open();
  void close();
  void reset();

  const CircuitBreaker& breaker() const { return breaker_; }
  bool closed() const { return breaker_.state() == CircuitBreaker::State::closed; }
  /// On the wall clock; none while closed, half-open or held open.
  std::optional<Timestamp> next_probe_at() const;
  BreakerOpen refusal() const;

 private:
  void tell(CircuitBreaker::State before);

  CircuitBreaker breaker_;
  Clock clock_;
  std::mt19937_64 random_{std::random_device{}()};
  std::string last_failure_;
};

/// Awaits `work` as one call of `guard`. `Unavailable` is a failure, unless it is an `Answered`: then the dependency is
/// there and refused this call only. Throws `BreakerOpen`; `work` has then not begun.
template <class Answered, class T>
asio::awaitable<T> guarded(DependencyGuard& guard, asio::awaitable<T> work) {
  DependencyGuard::Call call(guard);
  try {
    if constexpr (std::is_void_v<T>) {
      co_await std::move(work);
      call.succeeded();
    } else {
      auto result = co_await std::move(work);
      call.succeeded();
      co_return result;
    }
  } catch (const Answered&) {
    call.succeeded();
    throw;
  } catch (const Unavailable& error) {
    call.failed(error.what());
    throw;
  }
}

}  // namespace eventbus
