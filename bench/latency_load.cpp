#include <fmt/format.h>

#include <charconv>

#include "delivery_ids.hpp"
#include "http_load.hpp"

namespace bench {
namespace {

/// Connection 0 waits for deliveries and asks again at once, connection 1 acknowledges, the others publish at a fixed
/// rate. Each event carries when it was sent; the latency is from there to the moment the receiver holds its delivery.
class Waiting : public Workload {
 public:
  Waiting(const Options& options, std::size_t publishers)
      : options_(options),
        total_(static_cast<std::size_t>(options.seconds * static_cast<double>(options.rate))),
        interval_(std::chrono::nanoseconds{1'000'000'000} / options.rate),
        due_(publishers) {
    for (std::size_t n = 0; n < publishers; ++n)
      due_[n] = Clock::now() + interval_ * n + std::chrono::milliseconds{100};
  }
  void attach(LoadLoop& loop) { loop_ = &loop; }

  Next next(std::size_t connection, std::string& request) override {
    if (connection == 0) return receive(request);
    if (connection == 1) return acknowledge(request);
    return publish(connection - 2, request);
  }

  void answered(std::size_t connection, const Response& response, Clock::duration latency) override {
    if (response.status / 100 != 2) throw std::runtime_error(fmt::format("{}: {}", response.status, response.body));
    if (connection == 0) {
      note(response.body);
    } else if (connection > 1) {
      publishes_.add(latency);
      due_[connection - 2] += interval_ * due_.size();
    }
  }

  int report() {
    fmt::print(R"({{"events":{},"rate":{},"delivery":{},"publish":{}}})"
               "\n",
               deliveries_.count(), options_.rate, deliveries_.json(), publishes_.json());
    return 0;
  }

 private:
  Next receive(std::string& request) {
    if (deliveries_.count() >= total_) return {Next::Kind::finished};
    append_post(request, fmt::format("/queues/{}/receive", options_.queue), "application/json",
                R"({"max":100,"wait_ms":10000})");
    return {Next::Kind::send};
  }

  Next acknowledge(std::string& request) {
    if (unacked_.empty()) return {deliveries_.count() >= total_ ? Next::Kind::finished : Next::Kind::rest};
    append_post(request, fmt::format("/queues/{}/ack", options_.queue), "application/json",
                "{\"delivery_ids\":[" + unacked_ + "]}");
    unacked_.clear();
    return {Next::Kind::send};
  }

  Next publish(std::size_t publisher, std::string& request) {
    if (sent_ >= total_) return {Next::Kind::finished};
    if (Clock::now() < due_[publisher]) return {Next::Kind::wait_until, due_[publisher]};
    body_.clear();
    append_event(body_, options_, sent_++, Clock::now().time_since_epoch().count());
    append_post(request, "/events", "application/json", body_);
    return {Next::Kind::send};
  }

  void note(std::string_view answer) {
    auto now = Clock::now().time_since_epoch().count();
    for_each_value(answer, "\"t\":", [&](std::string_view digits) {
      std::int64_t sent_at = 0;
      std::from_chars(digits.data(), digits.data() + digits.size(), sent_at);
      deliveries_.add(Clock::duration{now - sent_at});
    });
    append_delivery_ids(unacked_, answer);
    loop_->wake(1);
  }

  const Options& options_;
  std::size_t total_;
  Clock::duration interval_;
  std::vector<Clock::time_point> due_;
  LoadLoop* loop_ = nullptr;
  std::size_t sent_ = 0;
  std::string body_;
  std::string unacked_;
  Latencies deliveries_;
  Latencies publishes_;
};

}  // namespace

int latency(const Options& options) {
  if (options.rate == 0) throw std::runtime_error("latency needs --rate N, the events to publish a second");
  constexpr std::size_t publishers = 10;
  Waiting workload(options, publishers);
  LoadLoop loop(options.host, options.port, publishers + 2, workload);
  workload.attach(loop);
  loop.run();
  return workload.report();
}

}  // namespace bench
