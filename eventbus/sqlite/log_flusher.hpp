#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace eventbus::sqlite {

namespace asio = boost::asio;

/// Flushes the write-ahead log to disk on a thread of its own, so that the writer goes on with the next transaction
/// meanwhile; one flush serves every transaction committed before it began. The connection must run with
/// `synchronous = NORMAL`, where SQLite still flushes the log's header and orders checkpoints, but not each commit
/// (sqlite.org/pragma.html#pragma_synchronous).
///
/// A failed flush ends the process: the kernel may have dropped what was not written
/// (wiki.postgresql.org/wiki/Fsync_Errors), and only a restart reads what the disk really holds.
class LogFlusher {
 public:
  using Done = std::move_only_function<void(std::exception_ptr)>;

  /// `database` is a file in WAL mode that has been read or written. Throws `Unavailable`.
  LogFlusher(asio::any_io_executor executor, const std::filesystem::path& database);
  /// Flushes what waits.
  ~LogFlusher();
  LogFlusher(const LogFlusher&) = delete;
  LogFlusher& operator=(const LogFlusher&) = delete;

  /// Calls each of `done` on the executor, in order, once everything committed so far is on disk. Returns at once.
  void flush_then(std::vector<Done> done);

 private:
  void run();

  asio::any_io_executor executor_;
  int log_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Done> waiting_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace eventbus::sqlite
