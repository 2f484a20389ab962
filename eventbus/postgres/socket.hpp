#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <memory>

namespace eventbus::postgres {

namespace asio = boost::asio;
using Deadline = std::chrono::steady_clock::time_point;

/// Waits for a descriptor that somebody else reads, writes and closes: it is duplicated, so that its owner may close it
/// at any time. One wait at a time; nothing stays outstanding between waits. For the event-loop thread.
class Socket {
 public:
  enum class Direction : std::uint8_t { read, write, either };

  Socket(asio::any_io_executor executor, int descriptor);
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  /// True when ready, false at the deadline. Not to be cancelled otherwise.
  asio::awaitable<bool> wait(Direction direction, Deadline deadline);
  /// A wait under way ends as at its deadline.
  void end_wait();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace eventbus::postgres
