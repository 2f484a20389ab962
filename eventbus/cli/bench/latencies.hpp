#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

namespace eventbus::cli {

/// Durations of many requests, in microseconds, and their percentiles.
class Latencies {
 public:
  struct Summary {
    std::uint64_t count = 0;
    double mean_ms = 0;
    double p50_ms = 0;
    double p95_ms = 0;
    double p99_ms = 0;
    double max_ms = 0;
  };

  void reserve(std::size_t count) { micros_.reserve(count); }
  void add(std::chrono::steady_clock::duration duration);
  /// Percentiles by nearest rank.
  Summary summary() const;

 private:
  std::vector<std::uint32_t> micros_;
};

}  // namespace eventbus::cli
