/// Fuzzes a running service over HTTP: mutated requests on every route of its /openapi.json and raw garbage, pipelined
/// on keep-alive connections. Fails on any 500, on an answer that is no HTTP, when the service dies, or when /health
/// does not answer afterwards.
///   http_requests PORT COUNT [SEED]
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "connection.hpp"
#include "request_maker.hpp"

namespace {

constexpr std::size_t connections = 8;
constexpr std::size_t depth = 16;

/// One pipeline after the other on each connection; what came back is counted.
class Campaign {
 public:
  Campaign(std::uint16_t port, std::uint64_t seed, std::vector<fuzz::Route> routes) : maker_(std::move(routes), seed) {
    for (std::size_t n = 0; n < connections; ++n) lines_.push_back({std::make_unique<fuzz::Connection>(port), {}});
  }

  void run(std::size_t count) {
    while (answered_ < count) {
      for (auto& line : lines_) ask(line);
      for (auto& line : lines_) hear(line);
    }
  }

  int report() const {
    fmt::print("{} requests, {} answered:", asked_, answered_);
    for (auto [status, times] : statuses_) fmt::print(" {}×{}", times, status);
    fmt::print("\n");
    return statuses_.contains(500) ? 1 : 0;
  }

 private:
  struct Line {
    std::unique_ptr<fuzz::Connection> connection;
    std::vector<fuzz::RequestMaker::Made> asked;
  };

  void ask(Line& line) {
    std::string bytes;
    line.asked.clear();
    for (std::size_t n = 0; n < depth; ++n) line.asked.push_back(maker_.request());
    if (asked_ % 5 == 0) line.asked.push_back(maker_.garbage());
    asked_ += line.asked.size();
    for (const auto& made : line.asked) bytes += made.bytes;
    line.connection->send(bytes);
    if (!line.asked.back().framed) line.connection->finish_sending();
  }

  void hear(Line& line) {
    for (const auto& made : line.asked) {
      auto answer = line.connection->receive(made.head);
      if (answer) note(made, *answer);
      if (!answer || answer->last || !made.framed) {
        line.connection->close();
        break;
      }
    }
  }

  void note(const fuzz::RequestMaker::Made& made, const fuzz::Connection::Answer& answer) {
    ++answered_;
    ++statuses_[answer.status];
    if (answer.status == 500 && statuses_[500] <= 5)
      fmt::print(stderr, "500 for {:?}\n  {}\n", made.bytes.substr(0, 2000), answer.body);
    if (answer.status < 300) maker_.learn(answer.body);
  }

  fuzz::RequestMaker maker_;
  std::vector<Line> lines_;
  std::size_t asked_ = 0;
  std::size_t answered_ = 0;
  std::map<int, std::size_t> statuses_;
};

fuzz::Connection::Answer get(std::uint16_t port, const std::string& path) {
  fuzz::Connection connection(port);
  connection.send("GET " + path + " HTTP/1.1\r\nHost: fuzz\r\n\r\n");
  auto answer = connection.receive(false);
  if (!answer || answer->status != 200) throw std::runtime_error("no 200 for " + path);
  return *answer;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr, "usage: http_requests PORT COUNT [SEED]\n");
    return 2;
  }
  try {
    auto port = static_cast<std::uint16_t>(std::atoi(argv[1]));
    auto seed = argc > 3 ? std::strtoull(argv[3], nullptr, 10)
                         : static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
    fmt::print("seed {}\n", seed);
    Campaign campaign(port, seed, fuzz::routes_of(get(port, "/openapi.json").body));
    campaign.run(std::strtoul(argv[2], nullptr, 10));
    auto status = campaign.report();
    get(port, "/health");
    return status;
  } catch (const std::exception& problem) {
    fmt::print(stderr, "http_requests: {}\n", problem.what());
    return 1;
  }
}
