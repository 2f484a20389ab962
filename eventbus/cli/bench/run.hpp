#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "eventbus/cli/bench/latencies.hpp"
#include "eventbus/cli/bench/ledger.hpp"
#include "eventbus/cli/bench/load.hpp"

namespace eventbus::cli {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

inline constexpr std::chrono::milliseconds retry_delay{100};  ///< Before asking again a server that refused.

/// What producers and consumers of one run share. One event loop.
struct Run {
  Run(asio::io_context& event_loop, const LoadSettings& with)
      : loop(event_loop),
        settings(with),
        events_each((with.events + with.connections - 1) / with.connections),
        ledger(with.connections, events_each, with.consumers, with.ordered),
        sent_at(with.consumers > 0 ? with.connections * events_each : 0) {
    publish_latencies.reserve(with.events / with.batch + 1);
    if (with.consumers > 0) delivery_latencies.reserve(with.events);
  }

  /// How many events this producer publishes: their sum over all producers is `settings.events`.
  std::uint64_t share_of(std::uint32_t producer) const {
    const auto base = settings.events / settings.connections;
    return base + (producer < settings.events % settings.connections ? 1 : 0);
  }

  asio::io_context& loop;
  const LoadSettings& settings;
  std::uint64_t events_each;
  Ledger ledger;
  std::vector<Clock::time_point> sent_at;  ///< By producer and number; only with consumers.
  Latencies publish_latencies;
  Latencies delivery_latencies;
  std::map<std::string, std::uint64_t> refusals;
  std::uint64_t requests = 0;
  std::uint64_t retries = 0;
  Clock::time_point begun{};
  Clock::time_point last_answer{};
  Clock::time_point last_delivery{};
};

}  // namespace eventbus::cli
