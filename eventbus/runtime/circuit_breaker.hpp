#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "eventbus/core/retry_policy.hpp"

namespace eventbus {

struct CircuitBreakerSettings {
  std::uint32_t failure_threshold = 5;  ///< Failures in a row that open it.
  /// How long it stays open: longer with every probe that fails, jittered, so that instances don't probe in step.
  RetryPolicy cool_down{.delay = std::chrono::seconds{1}, .backoff = 2.0, .max_delay = std::chrono::seconds{30}};
};

/// Spares a dependency that keeps failing, and its callers the wait: after `failure_threshold` failures in a row it is
/// open and refuses calls; after the cool-down it is half-open and lets one call probe; a success closes it. Source: M.
/// Nygard, "Release It!", 2007. Decides only: a plain class that is given the time. One thread.
class CircuitBreaker {
 public:
  using Time = std::chrono::steady_clock::time_point;
  enum class State : std::uint8_t { closed, open, half_open };

  CircuitBreaker(std::string name, CircuitBreakerSettings settings) : name_(std::move(name)), settings_(settings) {}

  /// Whether a call may be made now. Each one that is allowed reports how it went with one of the three below.
  bool allow(Time now);
  void succeeded();
  /// `random` in [0, 1).
  void failed(Time now, double random);
  /// The call ended without telling anything about the dependency.
  void abandoned() { probing_ = false; }

  /// By hand: refuses every call, without probes, until `close` or `reset`.
  void open();
  /// By hand: allows calls at once and goes on by itself; the next cool-down is as long as the failed probes made it.
  void close();
  /// By hand: as if it were new.
  void reset();

  const std::string& name() const { return name_; }
  State state() const { return state_; }
  std::uint32_t failures() const { return failures_; }
  bool held_open() const { return held_open_; }
  /// When the next probe may be made; none while closed, half-open or held open.
  std::optional<Time> next_probe() const;

 private:
  std::string name_;
  CircuitBreakerSettings settings_;
  State state_ = State::closed;
  std::uint32_t failures_ = 0;  ///< In a row.
  std::uint32_t openings_ = 0;  ///< Since the last success.
  bool held_open_ = false;
  bool probing_ = false;
  Time next_probe_{};
};

}  // namespace eventbus
