#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "eventbus/core/event.hpp"
#include "eventbus/delivery/queue_state.hpp"
#include "eventbus/delivery/settlement.hpp"

namespace eventbus::delivery {

namespace asio = boost::asio;

/// What one queue rests on, in an engine: where its events come from, and where what was decided about them is written.
/// It owns the ServedQueue that stands on it; work in the background keeps it alive. For the event-loop thread.
class Lane : public std::enable_shared_from_this<Lane> {
 public:
  virtual ~Lane() = default;

  /// Looks for more of what waits. True when fresh events came at once, or `FreshEvents::reached` moved on: it is
  /// called until it is false. What comes later comes with a call of `ServedQueue::advance`.
  virtual bool fill() = 0;
  /// Events wait that are not at hand, and are being fetched.
  virtual bool lags() const = 0;
  /// Somebody consumes.
  virtual void asked() = 0;
  /// Returns when what was stored up to there has been at hand, or at the deadline: somebody answers a delivery that
  /// was made before a restart.
  virtual asio::awaitable<void> reach(Position position, std::chrono::steady_clock::time_point deadline) = 0;
  /// Whether this engine's log has given the place.
  virtual bool gave(const LogPlace& place) const = 0;
  /// The events of the first of these, as many as are read at a time; null for what is no longer stored.
  virtual asio::awaitable<std::vector<StoredEvent>> events_of(std::span<const Leased> leased) = 0;
  /// Writes what was decided, and in the same transaction what the lane itself must remember, as of the call: it looks
  /// at that before it first suspends. Durable when it returns; throws `Unavailable` when nothing of it was written.
  /// Either way the settlement is whole afterwards; the lane may have added to it.
  virtual asio::awaitable<void> commit(Settlement& settlement) = 0;
  /// `ServedQueue::tick` is to be called by then.
  virtual void wake_at(Timestamp due) = 0;
  /// When the oldest came of what has no row. Immediate.
  virtual std::optional<Timestamp> oldest_since() const = 0;
};

}  // namespace eventbus::delivery
