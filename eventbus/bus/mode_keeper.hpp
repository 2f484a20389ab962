#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>

#include "eventbus/bus/publisher.hpp"
#include "eventbus/runtime/signal.hpp"
#include "eventbus/store/mode_store.hpp"
#include "eventbus/telemetry/trouble_log.hpp"

namespace eventbus {

/// Keeps the publisher in the mode that somebody has set, through whichever instance. All members on the event-loop
/// thread; both references must outlive it.
class ModeKeeper {
 public:
  /// `interval`: how often other instances' changes are looked for.
  ModeKeeper(const asio::any_io_executor& executor, ModeStore& store, Publisher& publisher,
             std::chrono::milliseconds interval = std::chrono::seconds{1});

  BusMode mode() const { return publisher_.mode(); }
  /// Durable when it returns; others follow within two intervals. Throws `Unavailable`.
  asio::awaitable<void> set(BusMode mode);
  /// Takes over what is stored. Throws `Unavailable`.
  asio::awaitable<void> look();
  /// Looks again and again until `stop`.
  asio::awaitable<void> run();
  void stop();

 private:
  ModeStore& store_;
  Publisher& publisher_;
  std::chrono::milliseconds interval_;
  Signal stop_asked_;
  TroubleLog troubles_;
  std::uint64_t changes_ = 0;  ///< Through this instance.
  bool stopping_ = false;
};

}  // namespace eventbus
