#include "eventbus/cli/bench/load.hpp"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <memory>
#include <vector>

#include "eventbus/cli/bench/consumer.hpp"
#include "eventbus/cli/bench/producer.hpp"
#include "eventbus/cli/bench/read_back.hpp"

namespace eventbus::cli {
namespace {

constexpr std::chrono::milliseconds look_every{50};

double seconds_between(Clock::time_point begin, Clock::time_point end) {
  return std::max(0.0, std::chrono::duration<double>(end - begin).count());
}

class Load {
 public:
  Load(const LoadSettings& settings, const std::function<void(const LoadProgress&)>& progress)
      : progress_(progress), run_(loop_, settings), timer_(loop_), signals_(loop_, SIGINT, SIGTERM) {
    asio::ip::tcp::resolver resolver(loop_);
    const auto server = resolver.resolve(settings.host, settings.port).begin()->endpoint();
    for (std::uint32_t at = 0; at < settings.consumers; ++at)
      consumers_.push_back(std::make_unique<Consumer>(run_, server, at));
    for (std::uint32_t at = 0; at < settings.connections; ++at)
      producers_.push_back(std::make_unique<Producer>(run_, server, at));
  }

  LoadReport run() {
    signals_.async_wait([this](const boost::system::error_code& error, int) {
      if (!error) end(true);
    });
    run_.begun = Clock::now();
    for (auto& consumer : consumers_) consumer->start();
    for (auto& producer : producers_) producer->start();
    look();
    loop_.run();
    if (run_.settings.read_back && !interrupted_) read_back(run_, [this] { tell(); });
    return report();
  }

 private:
  void tell() {
    const auto& ledger = run_.ledger;
    progress_({.acknowledged = ledger.acknowledged_count(),
               .delivered = ledger.delivered_count(),
               .read_back = ledger.read_back_count()});
  }

  void look() {
    timer_.expires_after(look_every);
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      tell();
      if (finished()) {
        end(false);
      } else {
        look();
      }
    });
  }

  bool finished() const {
    for (const auto& producer : producers_) {
      if (!producer->finished()) return false;
    }
    if (consumers_.empty() || run_.ledger.settled()) return true;
    return Clock::now() - std::max(run_.last_answer, run_.last_delivery) > run_.settings.patience;
  }

  void end(bool interrupted) {
    interrupted_ = interrupted;
    for (auto& producer : producers_) producer->stop();
    for (auto& consumer : consumers_) consumer->stop();
    timer_.cancel();
    signals_.cancel();
  }

  LoadReport report() {
    return {.totals = run_.ledger.totals(),
            .publish = run_.publish_latencies.summary(),
            .delivery = run_.delivery_latencies.summary(),
            .publish_seconds = seconds_between(run_.begun, run_.last_answer),
            .consume_seconds = seconds_between(run_.begun, run_.last_delivery),
            .requests = run_.requests,
            .retries = run_.retries,
            .refusals = run_.refusals,
            .interrupted = interrupted_};
  }

  const std::function<void(const LoadProgress&)>& progress_;
  asio::io_context loop_{1};
  Run run_;
  asio::steady_timer timer_;
  asio::signal_set signals_;
  std::vector<std::unique_ptr<Producer>> producers_;
  std::vector<std::unique_ptr<Consumer>> consumers_;
  bool interrupted_ = false;
};

}  // namespace

LoadReport run_load(const LoadSettings& settings, const std::function<void(const LoadProgress&)>& progress) {
  return Load(settings, progress).run();
}

}  // namespace eventbus::cli
