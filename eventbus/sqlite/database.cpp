#include "eventbus/sqlite/database.hpp"

#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <stdexcept>
#include <thread>

#include "eventbus/core/error.hpp"
#include "eventbus/runtime/crash_point.hpp"
#include "eventbus/sqlite/checkpointer.hpp"
#include "eventbus/sqlite/data_directory.hpp"
#include "eventbus/sqlite/database_file.hpp"
#include "eventbus/sqlite/log_flusher.hpp"
#include "eventbus/sqlite/work_queue.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus::sqlite {
namespace {

/// For use in a catch block: storage trouble as it is, whatever else as such.
std::exception_ptr as_unavailable(std::string_view operation, const std::exception& error) {
  if (dynamic_cast<const Unavailable*>(&error) != nullptr) return std::current_exception();
  return std::make_exception_ptr(Unavailable(operation, error.what()));
}

}  // namespace

struct Database::Impl {
  Impl(asio::any_io_executor executor_of, const DatabaseSettings& settings)
      : executor(std::move(executor_of)),
        directory(settings.directory),
        file(directory.file("eventbus.db")),
        connection(file, OpenMode::read_write),
        writes(settings.max_queued_writes),
        reads(settings.max_queued_writes) {
    prepare_database_file(connection, file);
    connection.limit_cache(settings.writer_cache_bytes);
    for (unsigned count = 0; count < settings.readers; ++count) {
      readers.push_back(std::make_unique<Connection>(file, OpenMode::read_only));
      readers.back()->limit_cache(settings.reader_cache_bytes);
    }
    checkpointer.emplace(file);
    flusher.emplace(executor, file);
    for (auto& reader : readers) {
      reader_threads.emplace_back([this, connection_of = reader.get()] { read_jobs(*connection_of); });
    }
    writer_thread = std::thread([this] { write_groups(); });
  }

  ~Impl() {
    writes.close();
    reads.close();
    for (auto& reader : readers) reader->interrupt();
    writer_thread.join();
    for (auto& thread : reader_threads) thread.join();
    flusher.reset();
    checkpointer.reset();
    readers.clear();
    try {
      connection.checkpoint(true);
    } catch (const std::exception& error) {
      log_warning("the write-ahead log stays beside the database; the next start reads it",
                  {{"error", std::string_view(error.what())}});
    }
  }

  void write_groups() {
    for (auto group = writes.pop_all(); !group.empty(); group = writes.pop_all()) {
      auto failure = commit(group);
      std::vector<LogFlusher::Done> done;
      if (!failure) {
        for (auto& item : group) done.push_back(std::move(item.done));
      }
      flusher->flush_then(std::move(done));  // of a commit that failed too, since it has begun
      if (failure) {
        resume(std::move(group), std::move(failure));
      } else {
        checkpointer->committed(connection);
      }
    }
  }

  std::exception_ptr commit(std::vector<QueuedWork>& group) {
    try {
      connection.prepare("BEGIN IMMEDIATE").run();
      for (auto& item : group) item.work(connection);
      crash_point("store.before_commit");
      flusher->begin_commit();
      connection.prepare("COMMIT").run();
      crash_point("store.after_commit");
      return nullptr;
    } catch (const std::exception& error) {
      roll_back();
      return as_unavailable("storing", error);
    }
  }

  void roll_back() {
    try {
      if (connection.in_transaction()) connection.execute("ROLLBACK");
    } catch (const std::exception& error) {
      log_error("a failed transaction could not be rolled back; the next one tries again",
                {{"error", std::string_view(error.what())}});
    }
  }

  void resume(std::vector<QueuedWork> group, std::exception_ptr error) {
    asio::post(executor, [group = std::move(group), error = std::move(error)]() mutable {
      for (auto& item : group) item.done(error);
    });
  }

  void refuse(QueuedWork item, std::string_view operation, std::string_view reason) {
    std::vector<QueuedWork> group;
    group.push_back(std::move(item));
    resume(std::move(group), std::make_exception_ptr(Unavailable(operation, reason)));
  }

  void read_jobs(Connection& reader) {
    while (auto item = reads.pop()) {
      std::exception_ptr failure;
      try {
        reader.prepare("BEGIN").run();
        item->work(reader);
      } catch (const std::exception& error) {
        failure = as_unavailable("reading", error);
      }
      try {
        if (reader.in_transaction()) reader.prepare("COMMIT").run();
      } catch (const std::exception& error) {
        failure = as_unavailable("reading", error);
      }
      if (failure) {
        asio::post(executor, [done = std::move(item->done), failure = std::move(failure)]() mutable { done(failure); });
      } else {
        flusher->when_flushed(std::move(item->done));
      }
    }
  }

  asio::any_io_executor executor;
  DataDirectory directory;
  std::filesystem::path file;
  Connection connection;
  WorkQueue writes;
  WorkQueue reads;
  std::optional<Checkpointer> checkpointer;
  std::optional<LogFlusher> flusher;
  std::vector<std::unique_ptr<Connection>> readers;
  std::vector<std::thread> reader_threads;
  std::thread writer_thread;
};

Database::Database(asio::any_io_executor executor, DatabaseSettings settings)
    : impl_(std::make_unique<Impl>(std::move(executor), settings)) {}
Database::~Database() = default;

Connection& Database::startup_connection() {
  return impl_->connection;
}

void Database::migrate(std::string_view component, const std::vector<std::string_view>& steps) {
  auto& connection = impl_->connection;
  std::int64_t version = 0;
  {
    auto known = connection.prepare("SELECT version FROM schema_versions WHERE component = ?1");
    if (known.bind(1, component).step()) version = known.integer(0);
  }
  const auto newest = static_cast<std::int64_t>(steps.size());
  if (version > newest) {
    throw DamagedDatabase(
        fmt::format("{} was written by a newer version (schema {} {}, this program knows {}). Start that version, or "
                    "restore a backup of this one.",
                    impl_->file.string(), component, version, newest));
  }
  if (version == newest) return;
  connection.execute("BEGIN IMMEDIATE");
  try {
    for (auto step = version; step < newest; ++step)
      connection.execute(std::string(steps[static_cast<std::size_t>(step)]));
    connection.prepare("INSERT OR REPLACE INTO schema_versions VALUES (?1, ?2)")
        .bind(1, component)
        .bind(2, newest)
        .run();
    connection.execute("COMMIT");
  } catch (const std::exception&) {
    impl_->roll_back();
    throw;
  }
}

void Database::enqueue_write(Work work, Done done) {
  QueuedWork item{std::move(work), std::move(done)};
  if (!impl_->writes.push(item)) impl_->refuse(std::move(item), "storing", "too many writes are waiting for the disk");
}

void Database::enqueue_read(Work work, Done done) {
  QueuedWork item{std::move(work), std::move(done)};
  if (!impl_->reads.push(item)) impl_->refuse(std::move(item), "reading", "too many queries are waiting for the disk");
}

}  // namespace eventbus::sqlite
