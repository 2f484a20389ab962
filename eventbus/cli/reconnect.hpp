#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace eventbus::cli {

/// Waits between attempts to reach a server that was there before: 0.1 s, doubling up to 5 s. Thread-safe.
class Reconnect {
 public:
  /// Sleeps; false as soon as `stop` was called.
  bool wait();
  /// The server answered again.
  void reached();
  /// True for the first failure since the server last answered: worth a line; the next ones are not.
  bool first_failure();
  void stop();

 private:
  static constexpr std::chrono::milliseconds shortest{100};
  static constexpr std::chrono::milliseconds longest{5000};

  std::mutex mutex_;
  std::condition_variable stopped_changed_;
  std::chrono::milliseconds delay_ = shortest;
  bool failing_ = false;
  bool stopped_ = false;
};

}  // namespace eventbus::cli
