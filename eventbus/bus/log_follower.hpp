#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>

#include "eventbus/bus/event_feed.hpp"
#include "eventbus/runtime/signal.hpp"
#include "eventbus/store/event_store.hpp"
#include "eventbus/telemetry/trouble_log.hpp"

namespace eventbus {

/// Brings to a feed what any instance stored in a log that several share, by looking at it while somebody follows the
/// feed. Costs the store nothing while nobody does. Members on the event-loop thread.
class LogFollower {
 public:
  struct Settings {
    std::chrono::milliseconds busy_poll{5};   ///< While events come.
    std::chrono::milliseconds idle_poll{50};  ///< While none do, and for noticing that somebody follows.
    std::chrono::milliseconds retry{1000};    ///< When the store is in trouble.
  };

  LogFollower(const asio::any_io_executor& executor, EventStore& store, EventFeed& feed)
      : LogFollower(executor, store, feed, Settings{}) {}
  LogFollower(const asio::any_io_executor& executor, EventStore& store, EventFeed& feed, Settings settings)
      : store_(store), feed_(feed), settings_(settings), changed_(executor) {}

  /// Follows until `stop`; trouble with the store is logged and tried again.
  asio::awaitable<void> run();
  void stop();    ///< Idempotent.
  void notify();  ///< This instance stored something: look at once.

 private:
  asio::awaitable<bool> look();

  EventStore& store_;
  EventFeed& feed_;
  Settings settings_;
  Signal changed_;
  TroubleLog troubles_;
  Position seen_ = 0;
  bool following_ = false;
  bool stopping_ = false;
};

}  // namespace eventbus
