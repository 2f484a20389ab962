#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "eventbus/broker/embedded/binding_history.hpp"
#include "eventbus/broker/embedded/queue_decisions.hpp"
#include "eventbus/broker/embedded/queue_storage.hpp"
#include "eventbus/delivery/admissions.hpp"
#include "eventbus/delivery/queue_meters.hpp"
#include "eventbus/delivery/routing_table.hpp"
#include "eventbus/runtime/signal.hpp"
#include "eventbus/runtime/suspend.hpp"

namespace eventbus::embedded {

inline constexpr std::chrono::seconds rest_after_failure{1};  ///< Before background work is tried again.

/// A receive that waits for its turn.
struct Waiter {
  std::size_t max;
  std::chrono::steady_clock::time_point deadline;
  asio::steady_timer timer;
  std::vector<delivery::Leased> got;
  bool served = false;  ///< Out of the line.
};

/// A queue while the broker runs: decisions, waiting consumers and what is under way. Whoever awaits something holds a
/// QueuePtr and looks at `removed` afterwards.
struct Queue : QueueDecisions {
  Queue(asio::any_io_executor executor, BrokerMetrics& metrics, const StoredQueue& stored, CursorLimits limits,
        std::size_t most_outstanding);

  /// Whom an admission is asked of, where the queue refuses what is too much.
  delivery::LimitedQueue limited() const {
    return {definition.name, definition.max_length.value_or(0), state.length(), reserved};
  }
  std::uint64_t room() const { return delivery::room(definition, limited()); }

  std::int64_t id;
  QueueDefinition definition;
  Position declared_at;     ///< What was stored up to there is its past …
  Timestamp declared_time;  ///< … and came to it then.
  bool paused;
  bool removed = false;
  std::uint64_t dead_letters;
  BindingHistory history;
  delivery::QueueMeters metrics;

  delivery::RoutingTable::QueueIndex index = 0;
  bool routed = false;   ///< Takes part in live routing.
  bool touched = false;  ///< Got events in this take.
  delivery::Reserved reserved = delivery::none_reserved();
  std::list<Waiter*> waiters;

  bool writing = false;
  bool filling = false;
  bool dense = false;      ///< Much of the log matches: reading whole events is cheaper than reading them one by one.
  Timestamp rest_until{};  ///< After a failed write nothing is retried in the background before.
  std::vector<Completion<bool>> awaiting_commit;
  Signal filled;
};

using QueuePtr = std::shared_ptr<Queue>;

}  // namespace eventbus::embedded
