#include <fmt/format.h>

#include "delivery_ids.hpp"
#include "http_load.hpp"

namespace bench {
namespace {

/// Every connection receives a batch, answers it, and so on until `count` deliveries are answered by all together.
class Consuming : public Workload {
 public:
  explicit Consuming(const Options& options)
      : options_(options),
        receive_path_(fmt::format("/queues/{}/receive", options.queue)),
        receive_body_(fmt::format(R"({{"max":{},"wait_ms":200}})", options.batch)),
        answer_path_(fmt::format("/queues/{}/{}", options.queue, options.nack ? "nack" : "ack")),
        held_(options.connections),
        ids_(options.connections) {}

  Next next(std::size_t connection, std::string& request) override {
    if (held_[connection] > 0) {
      append_post(request, answer_path_, "application/json", "{\"delivery_ids\":[" + ids_[connection] + "]}");
    } else if (acked_ >= options_.count) {
      return {Next::Kind::finished};
    } else {
      append_post(request, receive_path_, "application/json", receive_body_);
    }
    return {Next::Kind::send};
  }

  void answered(std::size_t connection, const Response& response, Clock::duration) override {
    if (response.status != 200) throw std::runtime_error(fmt::format("{}: {}", response.status, response.body));
    if (held_[connection] > 0) {
      if (!response.body.ends_with("\"unknown\":[]}"))
        throw std::runtime_error(fmt::format("unknown: {}", response.body));
      acked_ += held_[connection];
      held_[connection] = 0;
      last_ack_ = Clock::now();
    } else {
      ids_[connection].clear();
      held_[connection] = append_delivery_ids(ids_[connection], response.body);
    }
  }

  int report(Clock::time_point began) const {
    auto seconds = std::chrono::duration<double>(last_ack_ - began).count();
    fmt::print(R"({{"events":{},"seconds":{:.3f},"per_second":{:.0f}}})"
               "\n",
               acked_, seconds, static_cast<double>(acked_) / seconds);
    return 0;
  }

 private:
  const Options& options_;
  std::string receive_path_;
  std::string receive_body_;
  std::string answer_path_;
  std::vector<std::size_t> held_;
  std::vector<std::string> ids_;
  std::size_t acked_ = 0;
  Clock::time_point last_ack_;
};

}  // namespace

int consume(const Options& options) {
  Consuming workload(options);
  LoadLoop loop(options.host, options.port, options.connections, workload);
  auto began = Clock::now();
  loop.run();
  return workload.report(began);
}

}  // namespace bench
