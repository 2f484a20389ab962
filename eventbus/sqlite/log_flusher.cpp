#include "eventbus/sqlite/log_flusher.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstdlib>
#include <iterator>
#include <system_error>
#include <utility>

#include "eventbus/core/error.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus::sqlite {

LogFlusher::LogFlusher(asio::any_io_executor executor, const std::filesystem::path& database)
    : executor_(std::move(executor)), log_(open((database.string() + "-wal").c_str(), O_RDWR | O_CLOEXEC)) {
  if (log_ < 0) {
    const auto reason = std::generic_category().message(errno);
    throw Unavailable("opening " + database.string() + "-wal", reason + "; check the rights of the data directory");
  }
  flush();
  thread_ = std::thread([this] { run(); });
}

LogFlusher::~LogFlusher() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
  close(log_);
}

void LogFlusher::begin_commit() {
  const std::scoped_lock lock(mutex_);
  ++begun_;
}

void LogFlusher::flush_then(std::vector<Done> done) {
  {
    const std::scoped_lock lock(mutex_);
    committed_ = begun_;
    waiting_.insert(waiting_.end(), std::move_iterator(done.begin()), std::move_iterator(done.end()));
  }
  changed_.notify_one();
}

void LogFlusher::when_flushed(Done done) {
  {
    const std::scoped_lock lock(mutex_);
    if (flushed_ < begun_) {
      readers_.push_back({begun_, std::move(done)});
      return;
    }
  }
  asio::post(executor_, [done = std::move(done)]() mutable { done(nullptr); });
}

void LogFlusher::flush() {
  if (fdatasync(log_) == 0) return;
  const auto reason = std::generic_category().message(errno);
  log(LogLevel::critical, "the disk failed to flush; the process ends, start it again to go on from what is on disk",
      {{"error", std::string_view(reason)}});
  std::_Exit(EXIT_FAILURE);
}

void LogFlusher::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || flushed_ < committed_; });
    if (flushed_ == committed_) return;
    auto done = std::exchange(waiting_, {});
    const auto flushing = committed_;
    lock.unlock();
    flush();
    lock.lock();
    flushed_ = flushing;
    for (; !readers_.empty() && readers_.front().seen <= flushed_; readers_.pop_front())
      done.push_back(std::move(readers_.front().done));
    asio::post(executor_, [done = std::move(done)]() mutable {
      for (auto& one : done) one(nullptr);
    });
  }
}

}  // namespace eventbus::sqlite
