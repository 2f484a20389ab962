#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eventbus/runtime/suspend.hpp"
#include "eventbus/sqlite/connection.hpp"

namespace eventbus::sqlite {

struct DatabaseSettings {
  std::filesystem::path directory;  ///< Made if missing. Holds eventbus.db, its WAL and the lock file.
  unsigned readers = 2;             ///< Reader threads, one connection each.
  std::size_t writer_cache_bytes = 24u << 20;
  std::size_t reader_cache_bytes = 4u << 20;
  std::size_t max_queued_writes = 65536;  ///< Further writes are refused with Unavailable.
};

/// The data directory and the one database file in it, shared by the event store and the embedded broker: one writer
/// thread that commits everything waiting in one transaction, a thread that flushes what it committed (on disk before
/// `write` returns, and before a `read` that saw it does), and reader threads. The constructor takes the directory's
/// lock and throws std::runtime_error with a remedy when another process holds it, when the file is damaged, is no
/// database, or is from a newer version. Coroutines may be started from the event-loop thread and resume there.
class Database {
 public:
  Database(asio::any_io_executor executor, DatabaseSettings settings);
  ~Database();  ///< Finishes queued writes, checkpoints, releases the lock.
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// Brings the tables of `component` up to date: runs the steps it has not seen yet, each an SQL script, in order, in
  /// one transaction. Blocking; before the event loop runs. Throws std::runtime_error when the file has seen more steps
  /// than these (it is from a newer version).
  void migrate(std::string_view component, const std::vector<std::string_view>& steps);

  /// Runs `job` on the writer thread inside a transaction shared with whatever else waits, and resumes once that is on
  /// disk. A job must decide before it writes: when it throws, the whole transaction is rolled back and every job in it
  /// fails with `Unavailable`. Jobs run in the order of their calls. A job is a named object that lives until it
  /// returns: gcc 12 destroys a copy of a capturing lambda made inside a co_await expression twice.
  template <class Job>
  asio::awaitable<std::invoke_result_t<Job&, Connection&>> write(Job& job) {
    auto enqueue = [this](Work work, Done done) { enqueue_write(std::move(work), std::move(done)); };
    co_return co_await perform(job, enqueue);
  }

  /// Runs `job` on a reader thread on a consistent snapshot, and resumes once all of that is on disk. It must not keep
  /// statements past its return.
  template <class Job>
  asio::awaitable<std::invoke_result_t<Job&, Connection&>> read(Job& job) {
    auto enqueue = [this](Work work, Done done) { enqueue_read(std::move(work), std::move(done)); };
    co_return co_await perform(job, enqueue);
  }

  /// For start-up, before the loop runs: a blocking connection for the calling thread.
  Connection& startup_connection();

 private:
  using Work = std::move_only_function<void(Connection&)>;
  using Done = std::move_only_function<void(std::exception_ptr)>;
  struct Impl;

  template <class Job, class Enqueue>
  static asio::awaitable<std::invoke_result_t<Job&, Connection&>> perform(Job& job, Enqueue& enqueue) {
    using Value = std::invoke_result_t<Job&, Connection&>;
    constexpr bool has_value = !std::is_void_v<Value>;
    std::optional<std::conditional_t<has_value, Value, bool>> value;
    auto start = [&job, &enqueue, &value](Completion<bool> done) {
      auto work = [&job, &value](Connection& connection) {
        if constexpr (has_value) {
          value.emplace(job(connection));
        } else {
          job(connection);
        }
      };
      enqueue(std::move(work), [done = std::move(done)](std::exception_ptr error) mutable { done(error, true); });
    };
    co_await suspend<bool>(start);
    if constexpr (has_value) co_return std::move(*value);
  }

  void enqueue_write(Work work, Done done);
  void enqueue_read(Work work, Done done);
  std::unique_ptr<Impl> impl_;
};

}  // namespace eventbus::sqlite
