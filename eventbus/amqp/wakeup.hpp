#pragma once

#include <chrono>
#include <functional>
#include <mutex>

namespace eventbus::amqp {

using Deadline = std::chrono::steady_clock::time_point;

/// Lets other threads wake one that polls: a descriptor that is readable from `raise` to `clear`. Thread-safe.
class Wakeup {
 public:
  Wakeup();  ///< Throws `Unavailable` when the process has no descriptor left.
  ~Wakeup();
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;

  void raise();
  void clear();
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

/// Ends blocking calls on a socket from another thread: they fail as if the peer had gone. Thread-safe.
class SocketInterrupt {
 public:
  /// The socket that may be shut down from now on, -1 for none. Shuts it down at once after `interrupt`.
  void watch(int socket);
  void interrupt();

 private:
  std::mutex mutex_;
  int socket_ = -1;
  bool interrupted_ = false;
};

/// How a connection's thread waits: for a descriptor, a time, or the end.
class Waiter {
 public:
  enum class Outcome { ready, timed_out, commanded, stopped };

  /// Called on the waiting thread whenever `commands` is raised, which it must clear, and whenever the time has come
  /// that it returned last.
  using Housekeeping = std::function<Deadline()>;

  Waiter(Wakeup& stop, Wakeup& commands, Housekeeping housekeeping)
      : stop_(stop), commands_(commands), housekeeping_(std::move(housekeeping)) {}

  /// `descriptor` may be -1; `events` as for poll(2). Never returns `commanded`.
  Outcome wait(int descriptor, short events, Deadline deadline);
  /// The same, but returns `commanded` after each housekeeping.
  Outcome wait_once(int descriptor, short events, Deadline deadline);

 private:
  Wakeup& stop_;
  Wakeup& commands_;
  Housekeeping housekeeping_;
  Deadline due_ = Deadline::max();
};

/// For poll(2): whole milliseconds from now, rounded up, at least 0 and at most a minute.
int poll_timeout(Deadline deadline);

}  // namespace eventbus::amqp
