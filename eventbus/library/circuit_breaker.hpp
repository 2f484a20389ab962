#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "eventbus/core/error.hpp"

namespace eventbus::api {

/// Spares a dependency that keeps failing, and its callers the wait: after `failure_threshold` failures in a row it is
/// open and refuses calls; after the cool-down it is half-open and lets one call probe; a success closes it. Source: M.
/// Nygard, "Release It!", 2007. Thread-safe; never blocks.
class CircuitBreaker {
 public:
  struct Settings {
    std::uint32_t failure_threshold = 5;
    /// The first cool-down, doubled with every probe that fails, and jittered so that instances don't probe in step.
    std::chrono::milliseconds cool_down{1000};
    std::chrono::milliseconds longest_cool_down{30000};
  };
  enum class State : std::uint8_t { closed, open, half_open };

  explicit CircuitBreaker(std::string name) : CircuitBreaker(std::move(name), Settings{}) {}
  CircuitBreaker(std::string name, Settings settings);
  ~CircuitBreaker();
  CircuitBreaker(const CircuitBreaker&) = delete;
  CircuitBreaker& operator=(const CircuitBreaker&) = delete;

  /// What `work` returns, or the error `unavailable` without calling it. `work` returns a Result; `unavailable` and
  /// exceptions count as failures, all else as a success: the dependency is there and answered.
  template <std::invocable Work>
  std::invoke_result_t<Work&> call(Work work) {
    if (!allow()) return std::unexpected(refusal());
    try {
      auto result = work();
      result || result.error().code != ErrorCode::unavailable ? succeeded() : failed();
      return result;
    } catch (...) {
      failed();
      throw;
    }
  }

  /// For calls of other shapes: whether one may be made now. Each one that is allowed reports with one of both below.
  bool allow();
  void succeeded();
  void failed();

  /// By hand: refuses every call until `close` or `reset`.
  void open();
  /// By hand: allows calls at once; the next cool-down is as long as the failed probes made it.
  void close();
  /// By hand: as if it were new.
  void reset();

  State state() const;
  std::uint32_t failures() const;  ///< In a row.
  Error refusal() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace eventbus::api
