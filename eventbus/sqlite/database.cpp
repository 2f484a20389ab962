#include "eventbus/sqlite/database.hpp"

#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <stdexcept>
#include <thread>

#include "eventbus/core/error.hpp"
#include "eventbus/runtime/crash_point.hpp"
#include "eventbus/sqlite/checkpointer.hpp"
#include "eventbus/sqlite/data_directory.hpp"
#include "eventbus/sqlite/work_queue.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus::sqlite {
namespace {

constexpr std::int64_t application_id = 0x45564255;  // "EVBU"
/// Larger pages mean fewer log frames a group: 16 KiB stored 40 % more events a second than 4 KiB in groups of 1,000.
constexpr std::uintmax_t page_bytes = 16384;
constexpr std::uintmax_t checked_at_start_bytes = std::uintmax_t{64} << 20U;
constexpr std::uintmax_t checkpoint_bytes = std::uintmax_t{8} << 20U;
constexpr std::uintmax_t wal_limit_bytes = std::uintmax_t{96} << 20U;

std::exception_ptr as_unavailable(const std::exception& error) {
  return std::make_exception_ptr(Unavailable("storing", error.what()));
}

std::uintmax_t size_of(const std::filesystem::path& file) {
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  return error ? 0 : size;
}

void prepare_file(Connection& connection, const std::filesystem::path& file) {
  const bool is_new = connection.query_integer("PRAGMA schema_version") == 0;
  if (!is_new && connection.query_integer("PRAGMA application_id") != application_id) {
    throw DamagedDatabase(fmt::format(
        "{} is a database of another program. Choose another directory with EVENTBUS_DATA_DIR.", file.string()));
  }
  if (is_new)
    connection.execute(fmt::format("PRAGMA page_size = {}; PRAGMA application_id = {}", page_bytes, application_id));
  connection.execute(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = "
      "MEMORY");
  connection.execute(
      "CREATE TABLE IF NOT EXISTS schema_versions (component TEXT PRIMARY KEY, version INTEGER NOT NULL)");
  if (size_of(file) > checked_at_start_bytes) return;
  if (const auto verdict = connection.query_text("PRAGMA quick_check(1)"); verdict != "ok") {
    throw DamagedDatabase(
        fmt::format("{} is damaged ({}). Restore it from a backup, or move it away to start with an empty one.",
                    file.string(), verdict));
  }
}

}  // namespace

struct Database::Impl {
  Impl(asio::any_io_executor executor_of, const DatabaseSettings& settings)
      : executor(std::move(executor_of)),
        directory(settings.directory),
        file(directory.file("eventbus.db")),
        connection(file, OpenMode::read_write, settings.writer_cache_bytes),
        writes(settings.max_queued_writes),
        reads(settings.max_queued_writes) {
    prepare_file(connection, file);
    checkpointer.emplace(file);
    for (unsigned count = 0; count < settings.readers; ++count) {
      readers.push_back(std::make_unique<Connection>(file, OpenMode::read_only, settings.reader_cache_bytes));
      reader_threads.emplace_back([this, reader = readers.back().get()] { read_jobs(*reader); });
    }
    writer_thread = std::thread([this] { write_groups(); });
  }

  ~Impl() {
    writes.close();
    reads.close();
    for (auto& reader : readers) reader->interrupt();
    writer_thread.join();
    for (auto& thread : reader_threads) thread.join();
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
      resume(std::move(group), std::move(failure));
      bound_wal();
    }
  }

  std::exception_ptr commit(std::vector<QueuedWork>& group) {
    try {
      connection.execute("BEGIN IMMEDIATE");
      for (auto& item : group) item.work(connection);
      crash_point("store.before_commit");
      connection.execute("COMMIT");
      crash_point("store.after_commit");
      return nullptr;
    } catch (const std::exception& error) {
      roll_back();
      return as_unavailable(error);
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

  void bound_wal() {
    const auto size = static_cast<std::uintmax_t>(connection.wal_pages()) * page_bytes;
    if (size < checkpoint_bytes) return;
    checkpointer->request();
    if (size < wal_limit_bytes) return;
    try {
      connection.checkpoint(false);
    } catch (const std::exception& error) {
      log_warning("the write-ahead log grows past its bound; trying again after the next commit",
                  {{"error", std::string_view(error.what())}});
    }
  }

  void read_jobs(Connection& reader) {
    while (auto item = reads.pop()) {
      std::exception_ptr failure;
      try {
        reader.execute("BEGIN");
        item->work(reader);
      } catch (const std::exception& error) {
        failure = as_unavailable(error);
      }
      try {
        if (reader.in_transaction()) reader.execute("COMMIT");
      } catch (const std::exception& error) {
        failure = as_unavailable(error);
      }
      asio::post(executor, [done = std::move(item->done), failure = std::move(failure)]() mutable { done(failure); });
    }
  }

  asio::any_io_executor executor;
  DataDirectory directory;
  std::filesystem::path file;
  Connection connection;
  WorkQueue writes;
  WorkQueue reads;
  std::optional<Checkpointer> checkpointer;
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
  if (!impl_->writes.push(item))
    item.done(std::make_exception_ptr(Unavailable("storing", "too many writes are waiting for the disk")));
}

void Database::enqueue_read(Work work, Done done) {
  QueuedWork item{std::move(work), std::move(done)};
  if (!impl_->reads.push(item))
    item.done(std::make_exception_ptr(Unavailable("reading", "too many queries are waiting for the disk")));
}

}  // namespace eventbus::sqlite
