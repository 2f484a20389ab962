#pragma once

#include <pthread.h>

#include <atomic>
#include <functional>
#include <thread>

namespace eventbus::cli {

/// While it lives, SIGINT and SIGTERM become a call of `on_stop` on a thread of its own; a second one ends the process.
/// Make it before other threads: they inherit the blocked signals.
class StopSignals {
 public:
  explicit StopSignals(std::function<void()> on_stop);
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  bool stopped() const { return stopped_; }

 private:
  void watch();

  std::function<void()> on_stop_;
  std::atomic<bool> stopped_ = false;
  std::atomic<bool> ending_ = false;
  sigset_t before_{};
  std::thread watcher_;
};

}  // namespace eventbus::cli
