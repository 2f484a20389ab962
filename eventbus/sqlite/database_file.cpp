#include "eventbus/sqlite/database_file.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <system_error>

namespace eventbus::sqlite {
namespace {

constexpr std::int64_t application_id = 0x45564255;  // "EVBU"
/// Large enough for most events in one page, small enough for a small group of events to flush little.
constexpr std::uintmax_t page_bytes = 8192;
/// The check reads the whole file, and a start should take less than a second.
constexpr std::uintmax_t checked_at_start_bytes = std::uintmax_t{64} << 20U;
/// What the log file shrinks to after a burst.
constexpr std::uintmax_t kept_log_bytes = std::uintmax_t{64} << 20U;

std::uintmax_t size_of(const std::filesystem::path& file) {
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  return error ? 0 : size;
}

void check_structure(Connection& connection, const std::filesystem::path& file) {
  if (size_of(file) > checked_at_start_bytes) return;
  if (const auto verdict = connection.query_text("PRAGMA quick_check(1)"); verdict != "ok") {
    throw DamagedDatabase(
        fmt::format("{} is damaged ({}). Restore it from a backup, or move it away to start with an empty one.",
                    file.string(), verdict));
  }
}

}  // namespace

void prepare_database_file(Connection& connection, const std::filesystem::path& file) {
  const bool is_new = connection.query_integer("PRAGMA schema_version") == 0;
  if (!is_new && connection.query_integer("PRAGMA application_id") != application_id) {
    throw DamagedDatabase(fmt::format(
        "{} is a database of another program. Choose another directory with EVENTBUS_DATA_DIR.", file.string()));
  }
  if (is_new) {
    connection.execute(fmt::format("PRAGMA page_size = {}; PRAGMA application_id = {}", page_bytes, application_id));
  }
  connection.execute(
      fmt::format("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY; "
                  "PRAGMA journal_size_limit = {}",
                  kept_log_bytes));
  connection.execute(
      "CREATE TABLE IF NOT EXISTS schema_versions (component TEXT PRIMARY KEY, version INTEGER NOT NULL)");
  if (!is_new) check_structure(connection, file);
}

}  // namespace eventbus::sqlite
