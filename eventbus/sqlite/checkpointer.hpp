#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <thread>

#include "eventbus/sqlite/connection.hpp"

namespace eventbus::sqlite {

/// Keeps the write-ahead log short without holding the writer up: a thread of its own copies what was committed into
/// the database file (passive checkpoints, sqlite.org/c3ref/wal_checkpoint_v2.html), and the writer copies only the
/// small rest at the end, because SQLite begins the log anew only when all of it was copied.
class Checkpointer {
 public:
  explicit Checkpointer(const std::filesystem::path& file);
  ~Checkpointer();
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  /// The writer calls it after each commit, with its connection. Mostly returns at once.
  void committed(Connection& writer);

 private:
  void request();
  void run();
  void copy(Connection& connection);

  Connection connection_;
  std::int64_t page_bytes_;
  std::mutex turn_;              ///< Of copying: SQLite lets one connection at a time.
  std::atomic<int> copied_ = 0;  ///< Pages of the log that are in the file too, by the last copying.
  std::mutex mutex_;
  std::condition_variable changed_;
  bool requested_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace eventbus::sqlite
