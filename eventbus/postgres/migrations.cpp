#include "eventbus/postgres/migrations.hpp"

#include <chrono>

#include "eventbus/telemetry/log.hpp"

namespace eventbus::postgres {
namespace {

using Clock = std::chrono::steady_clock;

/// "eventbus" in ASCII; the same for all components, so that one instance at a time migrates.
constexpr std::string_view lock_sql =
    "BEGIN; SET LOCAL statement_timeout = 0; SELECT pg_advisory_xact_lock(7311146936288703859); SET LOCAL lock_timeout "
    "= '2s';"
    "CREATE TABLE IF NOT EXISTS eventbus_schema_versions (component TEXT PRIMARY KEY, version BIGINT NOT NULL)";
constexpr std::string_view version_sql = "SELECT version FROM eventbus_schema_versions WHERE component = $1";
constexpr std::string_view note_sql =
    "INSERT INTO eventbus_schema_versions VALUES ($1, $2) ON CONFLICT (component) DO UPDATE SET version = "
    "EXCLUDED.version";

asio::awaitable<std::int64_t> known_version(Connection& connection, std::string component, Deadline deadline) {
  Statement statement{std::string(version_sql)};
  statement.add(std::string_view(component));
  const auto rows = co_await connection.execute(std::move(statement), deadline);
  co_return rows.empty() ? 0 : rows[0].integer(0);
}

asio::awaitable<void> apply(Connection& connection, std::string component, std::vector<std::string_view> steps,
                            Deadline deadline) {
  co_await connection.script(std::string(lock_sql), deadline);
  const auto version = co_await known_version(connection, component, deadline);
  const auto newest = static_cast<std::int64_t>(steps.size());
  if (version > newest)
    log_warning("the database was migrated by a newer version of the service; going on with it",
                {{"component", std::string_view(component)}, {"version", version}, {"known", newest}});
  for (auto step = version; step < newest; ++step)
    co_await connection.script(std::string(steps[static_cast<std::size_t>(step)]), deadline);
  if (version < newest) {
    Statement note{std::string(note_sql)};
    note.add(std::string_view(component)).add(newest);
    co_await connection.execute(std::move(note), deadline);
  }
  co_await connection.script("COMMIT", deadline);
}

}  // namespace

asio::awaitable<void> migrate(Connection& connection, std::string component, std::vector<std::string_view> steps,
                              Deadline deadline) {
  std::optional<ServerError> failure;
  do {
    failure.reset();
    try {
      co_await apply(connection, component, steps, deadline);
    } catch (const ServerError& error) {
      failure.emplace(error);
    }
    if (failure) co_await connection.roll_back(deadline);
  } while (failure && failure->sqlstate() == lock_not_available && Clock::now() < deadline);
  if (failure) throw ServerError(*failure);
}

}  // namespace eventbus::postgres
