#include "eventbus/bus/log_follower.hpp"

#include "eventbus/core/error.hpp"
#include "eventbus/runtime/dependency_guard.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus {
namespace {

constexpr std::size_t page_events = 1000;

}  // namespace

void LogFollower::notify() {
  if (following_) changed_.notify_all();
}

void LogFollower::stop() {
  stopping_ = true;
  changed_.notify_all();
}

asio::awaitable<void> LogFollower::run() {
  while (!stopping_) {
    auto pause = settings_.retry;
    try {
      pause = co_await look() ? settings_.busy_poll : settings_.idle_poll;
    } catch (const Unavailable& error) {
      log(level_of(error, troubles_), "streams wait for the store; it is tried again",
          {{"error", std::string_view(error.what())}});
    }
    if (!stopping_) co_await changed_.wait_until(std::chrono::steady_clock::now() + pause);
  }
}

/// Whether there was something new.
asio::awaitable<bool> LogFollower::look() {
  if (feed_.waiting() == 0) {
    following_ = false;
    co_return false;
  }
  if (!following_) {
    // Who waits has read everything up to here, or reads it from the store now.
    seen_ = store_.head();
    feed_.skip_to(seen_);
    following_ = true;
  }
  auto page = co_await store_.read_log(seen_, page_events, "");
  seen_ = page.scanned;
  feed_.take(page.events);
  co_return !page.events.empty();
}

}  // namespace eventbus
