#include "eventbus/sqlite/checkpointer.hpp"

#include <utility>

#include "eventbus/telemetry/log.hpp"

namespace eventbus::sqlite {
namespace {

constexpr std::size_t cache_bytes = std::size_t{256} << 10U;

}  // namespace

Checkpointer::Checkpointer(const std::filesystem::path& file)
    : connection_(file, OpenMode::read_write, cache_bytes), thread_([this] { run(); }) {}

Checkpointer::~Checkpointer() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void Checkpointer::request() {
  {
    const std::scoped_lock lock(mutex_);
    requested_ = true;
  }
  changed_.notify_one();
}

void Checkpointer::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return requested_ || stopping_; });
    if (stopping_) return;
    requested_ = false;
    lock.unlock();
    try {
      connection_.checkpoint(false);
    } catch (const std::exception& error) {
      log_warning("the write-ahead log could not be copied into the database; trying again with the next commits",
                  {{"error", std::string_view(error.what())}});
    }
    lock.lock();
  }
}

}  // namespace eventbus::sqlite
