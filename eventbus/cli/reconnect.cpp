#include "eventbus/cli/reconnect.hpp"

#include <algorithm>
#include <utility>

namespace eventbus::cli {

bool Reconnect::wait() {
  std::unique_lock lock(mutex_);
  const auto delay = delay_;
  delay_ = std::min(delay_ * 2, longest);
  return !stopped_changed_.wait_for(lock, delay, [this] { return stopped_; });
}

void Reconnect::reached() {
  const std::lock_guard lock(mutex_);
  delay_ = shortest;
  failing_ = false;
}

bool Reconnect::first_failure() {
  const std::lock_guard lock(mutex_);
  return !std::exchange(failing_, true);
}

void Reconnect::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  stopped_changed_.notify_all();
}

}  // namespace eventbus::cli
