#include <fmt/format.h>

#include "http_load.hpp"

namespace bench {
namespace {

/// Publishes until time or count is used up, one event or one NDJSON batch a request.
class Publishing : public Workload {
 public:
  Publishing(const Options& options, std::size_t events_a_request)
      : options_(options),
        events_(events_a_request),
        limit_(options.count > 0 ? options.count : SIZE_MAX),
        end_(Clock::now() + std::chrono::microseconds(static_cast<std::int64_t>(options.seconds * 1e6))) {}

  Next next(std::size_t, std::string& request) override {
    if (sent_ >= limit_ || (options_.count == 0 && Clock::now() >= end_)) return {Next::Kind::finished};
    body_.clear();
    for (std::size_t n = 0; n < events_; ++n) {
      append_event(body_, options_, options_.first + sent_++, 0);
      if (events_ > 1) body_ += '\n';
    }
    if (events_ == 1) {
      append_post(request, "/events", "application/json", body_);
    } else {
      append_post(request, "/events/batch", "application/x-ndjson", body_);
    }
    return {Next::Kind::send};
  }

  void answered(std::size_t, const Response& response, Clock::duration latency) override {
    if (response.status != 201) throw std::runtime_error(fmt::format("{}: {}", response.status, response.body));
    latencies_.add(latency);
  }

  int report(Clock::duration took) {
    auto seconds = std::chrono::duration<double>(took).count();
    auto events = static_cast<double>(latencies_.count() * events_);
    fmt::print(R"({{"events":{},"seconds":{:.3f},"per_second":{:.0f},"latency":{}}})"
               "\n",
               latencies_.count() * events_, seconds, events / seconds, latencies_.json());
    return 0;
  }

 private:
  const Options& options_;
  std::size_t events_;
  std::size_t limit_;
  Clock::time_point end_;
  std::size_t sent_ = 0;
  std::string body_;
  Latencies latencies_;
};

int run(const Options& options, std::size_t events_a_request) {
  Publishing workload(options, events_a_request);
  LoadLoop loop(options.host, options.port, options.connections, workload);
  auto began = Clock::now();
  loop.run();
  return workload.report(Clock::now() - began);
}

}  // namespace

int publish(const Options& options) {
  return run(options, 1);
}
int batch(const Options& options) {
  return run(options, options.batch);
}

}  // namespace bench
