#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>

#include "eventbus/core/text_hash.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace eventbus::sqlite {

/// One use of a prepared statement: bind from 1, step, read columns from 0. Resets when destroyed. Text and blobs that
/// are bound must live until then; columns live until the next step. Errors throw as `Connection` describes.
class Statement {
 public:
  Statement(sqlite3* database, sqlite3_stmt* statement) : database_(database), statement_(statement) {}
  ~Statement();
  Statement(Statement&& other) noexcept;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  Statement& operator=(Statement&&) = delete;

  Statement& bind(int index, std::int64_t value);
  Statement& bind(int index, double value);
  Statement& bind(int index, std::string_view text);
  Statement& bind_blob(int index, std::string_view bytes);
  Statement& bind_null(int index);
  /// The text, or NULL when it is empty.
  Statement& bind_optional(int index, std::string_view text);

  /// True while there is a row.
  bool step();
  /// Steps to the end and resets, so that the statement can be bound and run again.
  void run();
  /// Ends the run; bound values stay.
  void rewind();
  /// Ends the run and unbinds all values.
  void reset();

  std::int64_t integer(int column) const;
  double real(int column) const;
  std::string_view text(int column) const;  ///< Empty for NULL. Also the bytes of a blob.
  bool is_null(int column) const;
  bool is_blob(int column) const;

 private:
  sqlite3* database_;
  sqlite3_stmt* statement_;
};

enum class OpenMode : std::uint8_t { read_write, read_only };

/// Pages of the write-ahead log, and how many of them are in the database file as well.
struct WalState {
  int pages = 0;
  int copied = 0;
};

/// One connection to a database file with its cache of prepared statements. For one thread at a time; every call may
/// block. Throws `Unavailable` with operation, file and remedy when storage fails (disk full, I/O error, no
/// permission), and `DamagedDatabase` when the file is damaged.
class Connection {
 public:
  Connection(const std::filesystem::path& file, OpenMode mode);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Runs a script of statements without results.
  void execute(const std::string& sql);
  /// A statement of the cache; `sql` is its key, so it should be one of few constant texts.
  Statement prepare(std::string_view sql);
  /// The first column of the first row; 0 without rows.
  std::int64_t query_integer(std::string_view sql);
  std::string query_text(std::string_view sql);

  /// Rows changed by the last INSERT, UPDATE or DELETE.
  std::int64_t changes() const;
  bool in_transaction() const;
  /// Makes the statement that runs on another thread fail with `Unavailable`. Thread-safe.
  void interrupt();
  /// Bounds the page cache. Reads the page size from the file, which must be a database by now.
  void limit_cache(std::size_t bytes);
  /// Copies the write-ahead log into the file: what no reader needs, waiting for nobody; with `truncate` all of it, and
  /// empties it. Copies nothing while another connection does the same.
  WalState checkpoint(bool truncate);
  /// Pages in the write-ahead log after this connection's last commit.
  int wal_pages() const { return wal_pages_; }
  /// SQLite's own handle, for this module.
  sqlite3* native() { return database_; }

 private:
  sqlite3* database_ = nullptr;
  int wal_pages_ = 0;
  std::unordered_map<std::string, sqlite3_stmt*, TextHash, std::equal_to<>> statements_;
};

/// The file is damaged, no database of ours, or from a newer version. The message names the file and the remedy.
class DamagedDatabase : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace eventbus::sqlite
