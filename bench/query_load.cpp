#include <fmt/format.h>

#include <random>

#include "http_load.hpp"

namespace bench {
namespace {

/// Reads random events by id, `rate` a second or as fast as the answers come.
class Reading : public Workload {
 public:
  explicit Reading(const Options& options)
      : options_(options),
        end_(Clock::now() + std::chrono::microseconds(static_cast<std::int64_t>(options.seconds * 1e6))),
        interval_(options.rate == 0 ? 0 : 1'000'000'000 / static_cast<std::int64_t>(options.rate)),
        numbers_(options.first, options.first + options.count - 1) {}

  Next next(std::size_t, std::string& request) override {
    const auto now = Clock::now();
    if (now >= end_) return {Next::Kind::finished};
    if (now < due_) return {Next::Kind::wait_until, due_};
    due_ += interval_;
    fmt::format_to(std::back_inserter(request), "GET /events/{} HTTP/1.1\r\nHost: bench\r\n\r\n",
                   event_id(numbers_(random_)));
    return {Next::Kind::send};
  }

  void answered(std::size_t, const Response& response, Clock::duration latency) override {
    if (response.status != 200) throw std::runtime_error(fmt::format("{}: {}", response.status, response.body));
    latencies_.add(latency);
  }

  int report() {
    fmt::print(R"({{"reads":{},"per_second":{:.0f},"latency":{}}})"
               "\n",
               latencies_.count(), static_cast<double>(latencies_.count()) / options_.seconds, latencies_.json());
    return 0;
  }

 private:
  const Options& options_;
  Clock::time_point end_;
  Clock::duration interval_;
  Clock::time_point due_ = Clock::now();
  std::uniform_int_distribution<std::uint64_t> numbers_;
  std::mt19937_64 random_{42};
  Latencies latencies_;
};

}  // namespace

int get(const Options& options) {
  Reading workload(options);
  LoadLoop loop(options.host, options.port, options.connections, workload);
  loop.run();
  return workload.report();
}

}  // namespace bench
