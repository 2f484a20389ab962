#include "eventbus/sqlite/checkpointer.hpp"

#include "eventbus/telemetry/log.hpp"

namespace eventbus::sqlite {
namespace {

constexpr std::size_t cache_bytes = std::size_t{256} << 10U;
/// The thread copies once this much waits. Smaller copies more pages again that change often, larger leaves more to
/// read after a crash.
constexpr std::int64_t copied_at_once = std::int64_t{8} << 20U;
/// From here on the writer ends the log when little is left to copy.
constexpr std::int64_t log_bytes = std::int64_t{32} << 20U;
/// From here on it does so at any price.
constexpr std::int64_t most_log_bytes = std::int64_t{256} << 20U;

}  // namespace

Checkpointer::Checkpointer(const std::filesystem::path& file) : connection_(file, OpenMode::read_write) {
  connection_.limit_cache(cache_bytes);
  page_bytes_ = connection_.query_integer("PRAGMA page_size");
  thread_ = std::thread([this] { run(); });
}

Checkpointer::~Checkpointer() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void Checkpointer::committed(Connection& writer) {
  const auto size = writer.wal_pages() * page_bytes_;
  if (size < copied_at_once) return;
  const auto copied = copied_.load() * page_bytes_;
  const bool little_left = size >= log_bytes && size - copied < 2 * copied_at_once;
  std::unique_lock turn(turn_, std::defer_lock);
  if (size >= most_log_bytes) {
    turn.lock();
    copy(writer);
  } else if (little_left && turn.try_lock()) {
    copy(writer);
  } else if (size - copied >= copied_at_once) {
    request();
  }
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
    {
      const std::scoped_lock turn(turn_);
      copy(connection_);
    }
    lock.lock();
  }
}

void Checkpointer::copy(Connection& connection) {
  try {
    const auto state = connection.checkpoint(false);
    // A log copied to its end begins anew with the next commit.
    copied_ = state.copied == state.pages ? 0 : state.copied;
  } catch (const std::exception& error) {
    log_warning("the write-ahead log could not be copied into the database; trying again with the next commits",
                {{"error", std::string_view(error.what())}});
  }
}

}  // namespace eventbus::sqlite
