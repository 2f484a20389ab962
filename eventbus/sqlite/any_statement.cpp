#include "eventbus/sqlite/any_statement.hpp"

#include <sqlite3.h>

#include <memory>
#include <string_view>

namespace eventbus::sqlite {
namespace {

struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using OwnedStatement = std::unique_ptr<sqlite3_stmt, Finalize>;

bool callers_fault(int code) {
  switch (code & 0xff) {
    case SQLITE_ERROR:
    case SQLITE_TOOBIG:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_RANGE:
    case SQLITE_AUTH:
      return true;
    default:
      return false;
  }
}

/// The same as `Connection` raises it, or the caller's fault.
std::unexpected<Error> refused(sqlite3* database, int code) {
  const std::string message = sqlite3_errmsg(database);
  if (callers_fault(code)) return fail(ErrorCode::invalid, "SQLite refuses the statement: " + message);
  throw Unavailable("running a statement in SQLite", message + "; try again");
}

Result<OwnedStatement> prepared(sqlite3* database, const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  const char* rest = nullptr;
  const int code = sqlite3_prepare_v2(database, sql.c_str(), static_cast<int>(sql.size()), &statement, &rest);
  OwnedStatement owned(statement);
  if (code != SQLITE_OK) return refused(database, code);
  const bool more = std::string_view(rest).find_first_not_of(" \t\r\n;") != std::string_view::npos;
  if (!owned || more) return fail(ErrorCode::invalid, "give one SQL statement at a time");
  return owned;
}

Result<void> bind(sqlite3_stmt* statement, const std::vector<TextValue>& values) {
  if (static_cast<std::size_t>(sqlite3_bind_parameter_count(statement)) != values.size())
    return fail(ErrorCode::invalid, "give a value for each of the statement's parameters $1, $2, …");
  for (std::size_t number = 1; number <= values.size(); ++number) {
    const auto& value = values[number - 1];
    const int index = sqlite3_bind_parameter_index(statement, ("$" + std::to_string(number)).c_str());
    if (index == 0) return fail(ErrorCode::invalid, "write the statement's parameters as $1, $2, …");
    if (value)
      sqlite3_bind_text64(statement, index, value->data(), value->size(), SQLITE_STATIC, SQLITE_UTF8);
    else
      sqlite3_bind_null(statement, index);
  }
  return {};
}

std::vector<TextValue> row_of(sqlite3_stmt* statement) {
  std::vector<TextValue> row;
  for (int column = 0; column < sqlite3_column_count(statement); ++column) {
    const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement, column));
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, column));
    const bool null = sqlite3_column_type(statement, column) == SQLITE_NULL;
    row.push_back(null ? TextValue() : TextValue(bytes == nullptr ? std::string() : std::string(bytes, size)));
  }
  return row;
}

}  // namespace

Result<TextRows> run_any(Connection& connection, const std::string& sql, const std::vector<TextValue>& values) {
  auto* database = connection.native();
  const auto statement = prepared(database, sql);
  if (!statement) return std::unexpected(statement.error());
  if (auto bound = bind(statement->get(), values); !bound) return std::unexpected(std::move(bound.error()));
  const auto before = sqlite3_total_changes64(database);
  TextRows result;
  int code = sqlite3_step(statement->get());
  for (; code == SQLITE_ROW; code = sqlite3_step(statement->get())) result.rows.push_back(row_of(statement->get()));
  if (code != SQLITE_DONE) return refused(database, code);
  const auto changed = sqlite3_total_changes64(database) - before;
  result.affected = result.rows.empty() ? static_cast<std::uint64_t>(changed) : result.rows.size();
  return result;
}

}  // namespace eventbus::sqlite
