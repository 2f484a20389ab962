#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <deque>
#include <memory>
#include <span>
#include <string>

#include "eventbus/runtime/signal.hpp"
#include "eventbus/store/event_store.hpp"

namespace eventbus {

/// Follows the log from any position: stored events first, then live ones, without gap or repeat. Remembers the newest
/// events, so that followers who keep up cost the store nothing. Thousands may follow: they are woken some at a time,
/// so that others have their turn on the loop in between. All members on the event-loop thread.
class EventFeed {
 public:
  EventFeed(asio::any_io_executor executor, EventStore& store, std::size_t remembered_bytes = std::size_t{8} << 20U);

  /// Takes events just committed, in commit order.
  void take(std::span<const StoredEvent> events);

  /// Forgets what it remembers: it goes on behind `head` with the next `take`. Wakes who waits.
  void skip_to(Position head);
  /// Followers that wait for something newer.
  std::size_t waiting() const { return arrived_.waiting(); }

  /// Events after `after` whose type matches `type_pattern` (empty: all), at most `limit`; waits for one until
  /// `deadline`, then returns an empty page. Go on behind `scanned`.
  asio::awaitable<EventStore::LogPage> next(Position after, std::size_t limit, std::string type_pattern,
                                            std::chrono::steady_clock::time_point deadline);

  /// Ends every waiting `next` with an empty page, now and later. Idempotent.
  void stop();
  bool stopped() const { return stopped_; }

 private:
  EventStore::LogPage remembered_after(Position after, std::size_t limit, std::string_view type_pattern) const;
  bool remembers(Position after) const;
  void wake_all();
  void wake_some();

  asio::any_io_executor executor_;
  EventStore& store_;
  std::size_t capacity_;
  std::size_t bytes_ = 0;
  std::deque<StoredEvent> recent_;
  std::optional<Position> remembered_from_;  ///< Every event behind it is in recent_; none before the first take.
  Signal arrived_;
  std::size_t unwoken_ = 0;       ///< Of those that waited when something came.
  std::shared_ptr<void> waking_;  ///< While some are woken later.
  bool stopped_ = false;
};

}  // namespace eventbus
