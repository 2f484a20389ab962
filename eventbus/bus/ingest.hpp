#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <string>
#include <vector>

#include "eventbus/broker/event_source.hpp"
#include "eventbus/bus/publisher.hpp"
#include "eventbus/core/retry_policy.hpp"
#include "eventbus/runtime/signal.hpp"
#include "eventbus/telemetry/metrics.hpp"

namespace eventbus {

struct IngestSettings {
  std::size_t batch = 200;  ///< Offers stored at a time. More is faster and holds more in memory.
  /// Between attempts to store what could not be stored.
  RetryPolicy retry{.delay = std::chrono::milliseconds{100}, .max_delay = std::chrono::milliseconds{10'000}};
  std::function<double()> random = [] { return 1.0; };  ///< [0, 1), for jitter.
};

/// Publishes what a source offers, once for each event id: an offer is accepted only after its event is stored, and one
/// that repeats a stored event is accepted as well. What can't become an event is refused with a reason. What can't be
/// stored now (database away, queue full, read-only mode) is kept and tried again with backoff. All members on the
/// event-loop thread.
class Ingest {
 public:
  /// Source and publisher must outlive it.
  Ingest(const asio::any_io_executor& executor, EventSource& source, Publisher& publisher, MetricRegistry& metrics,
         IngestSettings settings);

  /// Until `stop`. What is under way then is finished.
  asio::awaitable<void> run();
  /// Idempotent.
  void stop();

 private:
  asio::awaitable<void> turn();
  asio::awaitable<void> store();
  asio::awaitable<void> settle();
  bool judge(std::uint64_t number, const Result<PublishOutcome>& outcome);
  void refuse(std::uint64_t number, const Error& error);
  void count(std::string_view outcome);

  EventSource& source_;
  Publisher& publisher_;
  CounterFamily& ingested_;
  IngestSettings settings_;
  Signal stop_asked_;
  std::vector<OfferedEvent> offers_;  ///< Neither stored nor refused yet.
  std::vector<std::uint64_t> accepted_;
  std::vector<RefusedOffer> refused_;
  std::string trouble_;  ///< Why something could not be stored in this turn; empty: nothing.
  std::uint32_t failures_ = 0;
  bool stopping_ = false;
};

}  // namespace eventbus
