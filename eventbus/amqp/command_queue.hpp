#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <vector>

#include "eventbus/amqp/wakeup.hpp"

namespace eventbus::amqp {

class Link;

/// Work for a connection's thread. It is called once: there with the link, or with null when the connection is closed
/// or the queue is full.
using Command = std::move_only_function<void(Link*)>;

/// The way of commands to a connection's thread, at most `limit` at a time. Thread-safe.
class CommandQueue {
 public:
  explicit CommandQueue(std::size_t limit) : limit_(limit) {}

  void submit(Command command);
  /// The same, past the limit; for what must not be refused, and is bounded elsewhere.
  void submit_anyway(Command command);
  /// For the connection's thread.
  std::vector<Command> take_all();
  /// Calls what waits, and all that will be submitted, with null.
  void close();
  Wakeup& wakeup() { return wakeup_; }

 private:
  bool push(Command& command, std::size_t limit);

  std::size_t limit_;
  Wakeup wakeup_;
  std::mutex mutex_;
  std::vector<Command> commands_;
  bool closed_ = false;
};

}  // namespace eventbus::amqp
