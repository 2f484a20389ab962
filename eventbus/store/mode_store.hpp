#pragma once

#include <boost/asio/awaitable.hpp>

namespace eventbus {

namespace asio = boost::asio;

/// Where the service's mode is kept: over restarts, and the same for all instances. For the event-loop thread; all
/// members throw `Unavailable`.
class ModeStore {
 public:
  virtual ~ModeStore() = default;

  virtual asio::awaitable<bool> read_only() = 0;
  /// Durable when it returns.
  virtual asio::awaitable<void> set_read_only(bool read_only) = 0;
};

}  // namespace eventbus
