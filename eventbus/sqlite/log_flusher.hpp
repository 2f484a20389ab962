#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <condition_variable>
#include <cstdint>
#include <deque>
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
/// What was committed and not flushed yet can be seen by other connections, so a reader's result waits here as well: a
/// power cut takes back nothing that anybody was told.
///
/// A failed flush ends the process: the kernel may have dropped what was not written
/// (wiki.postgresql.org/wiki/Fsync_Errors), and only a restart reads what the disk really holds.
class LogFlusher {
 public:
  using Done = std::move_only_function<void(std::exception_ptr)>;

  /// `database` is a file in WAL mode that has been read or written. Flushes what a process that died has left in the
  /// log. Throws `Unavailable`.
  LogFlusher(asio::any_io_executor executor, const std::filesystem::path& database);
  /// Flushes what waits.
  ~LogFlusher();
  LogFlusher(const LogFlusher&) = delete;
  LogFlusher& operator=(const LogFlusher&) = delete;

  /// The writer calls it before each commit, and `flush_then` after it.
  void begin_commit();
  /// Calls each of `done` on the executor, in order, once everything committed so far is on disk. Returns at once.
  void flush_then(std::vector<Done> done);
  /// For a reader, after it has read: calls `done` on the executor once whatever it may have seen is on disk; at once
  /// when nothing is on its way there.
  void when_flushed(Done done);

 private:
  struct Reader {
    std::uint64_t seen;  ///< The last commit that it may have seen.
    Done done;
  };

  void run();
  void flush();

  asio::any_io_executor executor_;
  int log_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Done> waiting_;
  std::deque<Reader> readers_;   ///< By what they may have seen.
  std::uint64_t begun_ = 0;      ///< Commits, counted.
  std::uint64_t committed_ = 0;  ///< Of these.
  std::uint64_t flushed_ = 0;    ///< Of these.
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace eventbus::sqlite
