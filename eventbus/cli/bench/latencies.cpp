#include "eventbus/cli/bench/latencies.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace eventbus::cli {

void Latencies::add(std::chrono::steady_clock::duration duration) {
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
  micros_.push_back(
      static_cast<std::uint32_t>(std::clamp<std::int64_t>(micros, 0, std::numeric_limits<std::uint32_t>::max())));
}

Latencies::Summary Latencies::summary() const {
  if (micros_.empty()) return {};
  auto sorted = micros_;
  std::ranges::sort(sorted);
  const auto count = static_cast<double>(sorted.size());
  const auto rank = [&](double share) {
    const auto at = static_cast<std::size_t>(std::ceil(share * count));
    return sorted[std::max<std::size_t>(at, 1) - 1] / 1000.0;
  };
  const double sum = std::accumulate(sorted.begin(), sorted.end(), 0.0);
  return {.count = sorted.size(),
          .mean_ms = sum / count / 1000.0,
          .p50_ms = rank(0.50),
          .p95_ms = rank(0.95),
          .p99_ms = rank(0.99),
          .max_ms = sorted.back() / 1000.0};
}

}  // namespace eventbus::cli
