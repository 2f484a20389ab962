#include "eventbus/bus/mode_keeper.hpp"

#include "eventbus/core/error.hpp"
#include "eventbus/runtime/dependency_guard.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus {

ModeKeeper::ModeKeeper(const asio::any_io_executor& executor, ModeStore& store, Publisher& publisher,
                       std::chrono::milliseconds interval)
    : store_(store), publisher_(publisher), interval_(interval), stop_asked_(executor) {}

asio::awaitable<void> ModeKeeper::set(BusMode mode) {
  co_await store_.set_read_only(mode == BusMode::read_only);
  ++changes_;
  publisher_.set_mode(mode);
}

/// What was read while this instance changed it may be older.
asio::awaitable<void> ModeKeeper::look() {
  const auto changes = changes_;
  const bool read_only = co_await store_.read_only();
  if (changes == changes_) publisher_.set_mode(read_only ? BusMode::read_only : BusMode::normal);
}

asio::awaitable<void> ModeKeeper::run() {
  while (!stopping_) {
    try {
      co_await look();
      troubles_.over();
    } catch (const Unavailable& error) {
      log(level_of(error, troubles_), "the mode can't be looked up; it stays as it is",
          {{"error", std::string_view(error.what())}});
    }
    if (!stopping_) co_await stop_asked_.wait_until(std::chrono::steady_clock::now() + interval_);
  }
}

void ModeKeeper::stop() {
  stopping_ = true;
  stop_asked_.notify_all();
}

}  // namespace eventbus
