#include "eventbus/store/postgres/life_keeper.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "eventbus/core/error.hpp"
#include "eventbus/core/random_id.hpp"
#include "eventbus/store/postgres/schema.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus::postgres_store {
namespace {

using postgres::Statement;

// `life` is the newest one.
constexpr std::string_view newest_life =
    "(SELECT id, server_start = pg_postmaster_start_time() AND xmin::text::bigint = written_by & 4294967295 "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())::bigint AS goes_on "
    "FROM eventbus_lives ORDER BY after_position DESC LIMIT 1) life";

/// A server that only reads can't begin a new one.
Statement look_statement() {
  return Statement(
      fmt::format("SELECT life.id, life.goes_on OR current_setting('transaction_read_only') = 'on', {} FROM {}",
                  other_cluster_sql, newest_life));
}

/// Behind everything that the log holds; instead of one that gave nothing.
Statement begin_statement(LifeId life) {
  Statement statement(fmt::format(
      "INSERT INTO eventbus_lives SELECT greatest((SELECT max(position) FROM events), {}, "
      "(SELECT max(after_position) FROM eventbus_lives)), $1, pg_postmaster_start_time(), oid::bigint, txid_current() "
      "FROM pg_database WHERE datname = current_database() AND NOT EXISTS (SELECT FROM {} WHERE life.goes_on) "
      "ON CONFLICT (after_position) DO UPDATE SET id = EXCLUDED.id, server_start = EXCLUDED.server_start, "
      "database = EXCLUDED.database, written_by = EXCLUDED.written_by",
      first_base - 1, newest_life));
  statement.add(static_cast<std::int64_t>(life));
  return statement;
}

Unavailable gone() {
  return {
      "using the database",
      "it was put back from an older copy beneath the running service; the service ends and has to be started again"};
}

}  // namespace

asio::awaitable<void> LifeKeeper::check(postgres::Connection& connection, postgres::Deadline deadline) {
  if (put_back_) throw gone();
  auto look = look_statement();
  const auto found = co_await connection.execute(std::move(look), deadline);
  const bool goes_on = !found.empty() && found[0].boolean(1);
  const bool same_cluster = !found.empty() && !found[0].boolean(2);
  if (!goes_on || !same_cluster) co_await begin_life(connection, deadline);
  if (loaded_ && goes_on && static_cast<LifeId>(found[0].integer(0)) == newest_) co_return;
  co_await load(connection, deadline);
  if (put_back_) throw gone();
}

/// One instance does it, the others find it done. Positions follow a cluster that counts transactions anew.
asio::awaitable<void> LifeKeeper::begin_life(postgres::Connection& connection, postgres::Deadline deadline) {
  std::vector<Statement> statements;
  statements.emplace_back("SELECT base FROM eventbus_log FOR UPDATE");
  statements.emplace_back(std::string(follow_cluster_sql));
  statements.push_back(begin_statement(random_id()));
  statements.emplace_back(
      fmt::format("DELETE FROM eventbus_lives WHERE after_position < (SELECT after_position FROM eventbus_lives "
                  "ORDER BY after_position DESC LIMIT 1 OFFSET {})",
                  LogLives::most - 1));
  const auto results = co_await connection.execute_all(std::move(statements), deadline);
  if (results[1].affected() > 0)
    log_warning("the database is in another cluster than before; positions go on above those it holds");
  if (results[2].affected() > 0)
    log_info("the database server was started, or the tables were restored; cursors of what they don't hold are lost");
}

asio::awaitable<void> LifeKeeper::load(postgres::Connection& connection, postgres::Deadline deadline) {
  Statement all("SELECT id, after_position FROM eventbus_lives ORDER BY after_position");
  const auto rows = co_await connection.execute(std::move(all), deadline);
  LogLives found;
  for (int index = 0; index < rows.size(); ++index) {
    const auto after = rows[index].integer(1);
    newest_ = static_cast<LifeId>(rows[index].integer(0));
    found.begin(newest_, after);
    if (loaded_ && !lives_.gave({after + 1, newest_}) && after < seen_) put_back_ = true;
  }
  lives_ = std::move(found);
  loaded_ = true;
}

}  // namespace eventbus::postgres_store
