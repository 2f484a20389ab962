#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "eventbus/broker/embedded/binding_history.hpp"
#include "eventbus/broker/embedded/body_cache.hpp"
#include "eventbus/broker/embedded/log_cursor.hpp"
#include "eventbus/broker/embedded/queue_storage.hpp"
#include "eventbus/delivery/routing_table.hpp"
#include "eventbus/delivery/served_queue.hpp"
#include "eventbus/runtime/signal.hpp"
#include "eventbus/store/event_store.hpp"

namespace eventbus::embedded {

class QueueFiller;

/// What all queues of the broker rest on.
struct Foundation {
  EventStore& store;
  BodyCache& cache;
  QueueStorage& storage;
  QueueFiller& filler;
  const Position& head;
  std::function<void(Timestamp)> wake_at;
};

/// A queue as a cursor over the log: its lane, and the queue that is served from there. Whoever awaits something holds
/// a QueuePtr and looks at `served.removed()` afterwards.
struct Queue final : delivery::Lane {
  Queue(const Foundation& foundation, delivery::Surroundings surroundings, const StoredQueue& stored,
        CursorLimits limits, std::size_t most_outstanding);

  bool fill() override;
  bool lags() const override { return filling && cursor.hungry(); }
  void asked() override { cursor.widen(); }
  asio::awaitable<void> reach(Position position, std::chrono::steady_clock::time_point deadline) override;
  bool gave(const LogPlace& place) const override {
    return place.position <= foundation.head && foundation.store.lives().gave(place);
  }
  asio::awaitable<std::vector<StoredEvent>> events_of(std::span<const delivery::Leased> leased) override;
  asio::awaitable<void> commit(delivery::Settlement& settlement) override;
  void wake_at(Timestamp due) override { foundation.wake_at(due); }
  std::optional<Timestamp> oldest_since() const override { return cursor.oldest_since(); }

  std::shared_ptr<Queue> pointer() { return std::static_pointer_cast<Queue>(shared_from_this()); }
  /// As it was on disk. `now` may be earlier than when that was written: the clock was set back.
  void restore(QueueProgress progress, const std::vector<OutstandingRow>& rows, Timestamp now);
  /// Everything ready or delayed goes with the next commit; returns how many. Nothing is handed out until that is
  /// closed.
  std::uint64_t purge();

  const Foundation& foundation;
  Position declared_at;     ///< What was stored up to there is its past …
  Timestamp declared_time;  ///< … and came to it then.
  BindingHistory history;
  LogCursor cursor;
  delivery::ServedQueue served;

  delivery::RoutingTable::QueueIndex index = 0;
  bool routed = false;   ///< Takes part in live routing.
  bool touched = false;  ///< Got events in this take.
  bool filling = false;
  bool dense = false;  ///< Much of the log matches: reading whole events is cheaper than reading them one by one.
  Signal filled;
};

using QueuePtr = std::shared_ptr<Queue>;

}  // namespace eventbus::embedded
