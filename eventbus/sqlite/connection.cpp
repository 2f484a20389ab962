#include "eventbus/sqlite/connection.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <utility>

#include "eventbus/core/error.hpp"

namespace eventbus::sqlite {
namespace {

std::string file_of(sqlite3* database) {
  const char* name = database == nullptr ? nullptr : sqlite3_db_filename(database, "main");
  return name == nullptr ? "the database" : name;
}

std::string_view remedy(int code) {
  switch (code) {
    case SQLITE_FULL:
      return "the disk is full; free some space in the data directory, writing resumes by itself";
    case SQLITE_IOERR:
      return "the disk failed to read or write; check it and its free space, writing resumes by itself when it works "
             "again";
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      return "the file can't be written; check the permissions of the data directory";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "another program locks the file; close it";
    case SQLITE_INTERRUPT:
      return "interrupted by the shutdown";
    default:
      return "it failed";
  }
}

/// Of a damaged file SQLite quotes what it found there, which may be anything.
std::string message_of(sqlite3* database, int code) {
  std::string message = database == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(database);
  std::ranges::replace_if(message, [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, '?');
  return message;
}

[[noreturn]] void raise(sqlite3* database, int code, std::string_view operation) {
  const int primary = code & 0xff;
  const auto message = message_of(database, code);
  const auto file = file_of(database);
  if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB) {
    throw DamagedDatabase(fmt::format(
        "{} is damaged or no database ({}). Restore it from a backup, or move it away to start with an empty one.",
        file, message));
  }
  throw Unavailable(fmt::format("{} {}", operation, file), fmt::format("{} ({})", remedy(primary), message))
      .tell_client(fmt::format("Storage: {}. The service's log tells more.", remedy(primary)));
}

void check(sqlite3* database, int code, std::string_view operation) {
  if (code != SQLITE_OK) raise(database, code, operation);
}

int note_wal_pages(void* noted, sqlite3*, const char*, int pages) {
  *static_cast<int*>(noted) = pages;
  return SQLITE_OK;
}

/// Without SQLite's count of its memory, threads don't meet at a lock for every allocation.
void configure_once() {
  [[maybe_unused]] static const int configured = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_), statement_(std::exchange(other.statement_, nullptr)) {}

Statement::~Statement() {
  if (statement_ != nullptr) reset();
}

Statement& Statement::bind(int index, std::int64_t value) {
  check(database_, sqlite3_bind_int64(statement_, index, value), "binding a value for");
  return *this;
}

Statement& Statement::bind(int index, double value) {
  check(database_, sqlite3_bind_double(statement_, index, value), "binding a value for");
  return *this;
}

Statement& Statement::bind(int index, std::string_view text) {
  const char* data = text.data() == nullptr ? "" : text.data();
  check(database_, sqlite3_bind_text64(statement_, index, data, text.size(), SQLITE_STATIC, SQLITE_UTF8),
        "binding a value for");
  return *this;
}

Statement& Statement::bind_blob(int index, std::string_view bytes) {
  const char* data = bytes.data() == nullptr ? "" : bytes.data();
  check(database_, sqlite3_bind_blob64(statement_, index, data, bytes.size(), SQLITE_STATIC), "binding a value for");
  return *this;
}

Statement& Statement::bind_null(int index) {
  check(database_, sqlite3_bind_null(statement_, index), "binding a value for");
  return *this;
}

Statement& Statement::bind_optional(int index, std::string_view text) {
  return text.empty() ? bind_null(index) : bind(index, text);
}

bool Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  raise(database_, code, sqlite3_stmt_readonly(statement_) != 0 ? "reading" : "writing");
}

void Statement::run() {
  while (step()) {
  }
  rewind();
}

void Statement::rewind() {
  sqlite3_reset(statement_);
}

void Statement::reset() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}
double Statement::real(int column) const {
  return sqlite3_column_double(statement_, column);
}
bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}
bool Statement::is_blob(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_BLOB;
}

std::string_view Statement::text(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  return bytes == nullptr ? std::string_view("")
                          : std::string_view(bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
}

Connection::Connection(const std::filesystem::path& file, OpenMode mode) {
  configure_once();
  const int flags = SQLITE_OPEN_NOMUTEX |
                    (mode == OpenMode::read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  const int code = sqlite3_open_v2(file.c_str(), &database_, flags, nullptr);
  if (code != SQLITE_OK) {
    const auto message = message_of(database_, code);
    sqlite3_close_v2(std::exchange(database_, nullptr));
    throw Unavailable(fmt::format("opening {}", file.string()), fmt::format("{} ({})", remedy(code & 0xff), message));
  }
  sqlite3_extended_result_codes(database_, 1);
  sqlite3_busy_timeout(database_, 5000);
  // Takes the place of automatic checkpoints, which would stall commits.
  sqlite3_wal_hook(database_, &note_wal_pages, &wal_pages_);
}

Connection::~Connection() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close_v2(database_);
}

void Connection::execute(const std::string& sql) {
  check(database_, sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr), "writing");
}

Statement Connection::prepare(std::string_view sql) {
  if (const auto known = statements_.find(sql); known != statements_.end()) return {database_, known->second};
  sqlite3_stmt* statement = nullptr;
  check(database_,
        sqlite3_prepare_v3(database_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &statement,
                           nullptr),
        "preparing a statement for");
  statements_.emplace(sql, statement);
  return {database_, statement};
}

std::int64_t Connection::query_integer(std::string_view sql) {
  auto statement = prepare(sql);
  return statement.step() ? statement.integer(0) : 0;
}

std::string Connection::query_text(std::string_view sql) {
  auto statement = prepare(sql);
  return statement.step() ? std::string(statement.text(0)) : std::string();
}

std::int64_t Connection::changes() const {
  return sqlite3_changes64(database_);
}
bool Connection::in_transaction() const {
  return sqlite3_get_autocommit(database_) == 0;
}
void Connection::interrupt() {
  sqlite3_interrupt(database_);
}

void Connection::limit_cache(std::size_t bytes) {
  // SQLite 3.40 counts the pages of a cache size in bytes with the page size it knows at that moment.
  query_integer("SELECT count(*) FROM sqlite_schema");
  execute(fmt::format("PRAGMA cache_size = -{}", bytes / 1024));
}

WalState Connection::checkpoint(bool truncate) {
  WalState state;
  const int code =
      sqlite3_wal_checkpoint_v2(database_, "main", truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE,
                                &state.pages, &state.copied);
  if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY) raise(database_, code, "copying the log into");
  return {std::max(state.pages, 0), std::max(state.copied, 0)};
}

}  // namespace eventbus::sqlite
