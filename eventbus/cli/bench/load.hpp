#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "eventbus/cli/bench/latencies.hpp"
#include "eventbus/cli/bench/ledger.hpp"

namespace eventbus::cli {

struct LoadSettings {
  std::string host;
  std::string port;
  std::string base_path;
  std::string authority;
  std::string run;  ///< Names the run; events are routed by "bench.<run>".
  std::uint64_t events = 10000;
  std::uint32_t connections = 16;  ///< Publishing connections, each a producer of its own.
  std::uint64_t batch = 1;         ///< Events a request; more than 1: as NDJSON.
  double rate = 0;                 ///< Events a second over all connections; 0: as fast as answers come.
  std::size_t event_bytes = 300;
  std::uint32_t consumers = 0;
  std::uint64_t prefetch = 500;  ///< Deliveries a consumer asks for at a time.
  std::string queue;             ///< Where the consumers receive; must be bound to the run.
  bool ordered = false;          ///< The queue is.
  bool read_back = false;        ///< Look every event up in the store at the end.
  std::chrono::milliseconds patience{
      10000};  ///< How long the server may be away, or deliveries may stay out, before giving up.
};

struct LoadReport {
  Ledger::Totals totals;
  Latencies::Summary publish;   ///< One request; with a rate from the time it was due, so that a stall counts in full.
  Latencies::Summary delivery;  ///< From sending an event to having its delivery.
  double publish_seconds = 0;
  double consume_seconds = 0;
  std::uint64_t requests = 0;
  std::uint64_t retries = 0;                      ///< Requests sent again after 429, 503 or a lost connection.
  std::map<std::string, std::uint64_t> refusals;  ///< Events by status or code.
  bool interrupted = false;
};

struct LoadProgress {
  std::uint64_t acknowledged = 0;
  std::uint64_t delivered = 0;
  std::uint64_t read_back = 0;
};

/// Publishes numbered events, consumes them where there are consumers, and keeps the ledger. One thread, raw
/// asynchronous sockets. Blocks until every event is settled or patience ends; SIGINT ends it early. Throws
/// std::runtime_error when the server can't be reached at the start.
LoadReport run_load(const LoadSettings& settings, const std::function<void(const LoadProgress&)>& progress);

}  // namespace eventbus::cli
