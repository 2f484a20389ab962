#include "latencies.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace bench {

double Latencies::percentile(double share) const {
  if (samples_.empty()) return 0;
  auto index = static_cast<std::size_t>(share * static_cast<double>(samples_.size() - 1));
  return samples_[index] / 1000.0;
}

std::string Latencies::json() {
  std::ranges::sort(samples_);
  return fmt::format(R"({{"p50_ms":{:.3f},"p95_ms":{:.3f},"p99_ms":{:.3f},"max_ms":{:.3f}}})", percentile(0.5),
                     percentile(0.95), percentile(0.99), percentile(1));
}

}  // namespace bench
