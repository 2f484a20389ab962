#include "eventbus/store/postgres/table_shape.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace eventbus::postgres_store {
namespace {

constexpr std::string_view invalid_table_definition = "42P16";

/// Columns with their types, and whether they insist on a value that our rows may lack. One more row, "(key)", when
/// event_id alone is unique.
constexpr std::string_view shape_sql = R"sql(
SELECT attname::text, format_type(atttypid, NULL), (attnotnull AND NOT atthasdef AND attidentity = '')::int::bigint
FROM pg_attribute WHERE attrelid = to_regclass('events') AND attnum > 0 AND NOT attisdropped
UNION ALL
SELECT '(key)', '', 0 FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
WHERE i.indrelid = to_regclass('events') AND i.indisunique AND i.indnkeyatts = 1 AND i.indpred IS NULL AND a.attname = 'event_id'
)sql";

struct Column {
  std::string_view name;
  std::string_view type;
  std::string_view other_type;
};
constexpr std::array wanted{Column{"event_id", "character varying", "text"},
                            Column{"timestamp", "timestamp with time zone", ""},
                            Column{"event_type", "character varying", "text"}, Column{"payload", "jsonb", ""},
                            Column{"created_at", "timestamp with time zone", ""}};

struct Found {
  std::string type;
  bool insists;
};
using Columns = std::map<std::string, Found, std::less<>>;

std::optional<std::string> fault_of(const Columns& columns) {
  for (const auto& [name, type, other_type] : wanted) {
    const auto place = columns.find(name);
    if (place == columns.end()) return fmt::format("it has no column {} ({})", name, type);
    if (place->second.type != type && place->second.type != other_type)
      return fmt::format("its column {} is {} where {} is needed", name, place->second.type, type);
  }
  if (!columns.contains("(key)")) return "it has no primary key on event_id";
  for (const auto& [name, found] : columns) {
    const bool ours = std::ranges::any_of(wanted, [&name](const Column& column) { return column.name == name; });
    if (found.insists && !ours) return fmt::format("its column {} is NOT NULL without a default", name);
  }
  return std::nullopt;
}

}  // namespace

asio::awaitable<void> check_table_shape(postgres::Connection& connection, postgres::Deadline deadline) {
  postgres::Statement statement{std::string(shape_sql)};
  const auto rows = co_await connection.execute(std::move(statement), deadline);
  Columns columns;
  for (int index = 0; index < rows.size(); ++index)
    columns.insert_or_assign(std::string(rows[index].text(0)),
                             Found{std::string(rows[index].text(1)), rows[index].integer(2) == 1});
  if (columns.empty()) co_return;
  if (const auto fault = fault_of(columns))
    throw postgres::ServerError("preparing the database", "there is a table events that can't be taken over: " + *fault,
                                invalid_table_definition, connection.settings().variable());
}

}  // namespace eventbus::postgres_store
