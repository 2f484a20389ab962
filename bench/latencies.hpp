#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace bench {

using Clock = std::chrono::steady_clock;

/// Durations and their percentiles. Keeps every sample.
class Latencies {
 public:
  void add(Clock::duration latency) {
    samples_.push_back(static_cast<std::uint32_t>(latency / std::chrono::microseconds{1}));
  }
  std::size_t count() const { return samples_.size(); }
  /// {"p50_ms":…,"p95_ms":…,"p99_ms":…,"max_ms":…}; sorts the samples.
  std::string json();

 private:
  double percentile(double share) const;
  std::vector<std::uint32_t> samples_;
};

}  // namespace bench
