#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>

namespace eventbus {

namespace asio = boost::asio;

/// The right to do what only one of all instances may do at a time. Given back when the holder dies. For the event-loop
/// thread.
class Leadership {
 public:
  virtual ~Leadership() = default;

  /// Tries to become the leader, or makes sure that this instance still is. False: another one leads. Throws
  /// `Unavailable` when nobody can tell; this instance then doesn't lead.
  virtual asio::awaitable<bool> lead() = 0;
  /// Lets another instance lead. Without effect when this one doesn't.
  virtual asio::awaitable<void> resign() = 0;
};

}  // namespace eventbus
