#pragma once

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

#include "eventbus/sqlite/connection.hpp"

namespace eventbus::sqlite {

/// Copies the write-ahead log into the database file on a thread of its own, so that the writer needn't. Passive
/// checkpoints (sqlite.org/c3ref/wal_checkpoint_v2.html) wait for nobody and hold nobody up.
class Checkpointer {
 public:
  explicit Checkpointer(const std::filesystem::path& file);
  ~Checkpointer();
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  /// Asks for a checkpoint; returns at once. Thread-safe.
  void request();

 private:
  void run();

  Connection connection_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool requested_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace eventbus::sqlite
