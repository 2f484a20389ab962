#include "eventbus/broker/rabbitmq/queue_catalog.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "eventbus/broker/rabbitmq/instance_mail.hpp"
#include "eventbus/postgres/migrations.hpp"

namespace eventbus::rabbitmq {
namespace {

using postgres::Statement;

constexpr std::string_view catalog_schema = R"sql(
CREATE TABLE eventbus_queues (
  name VARCHAR COLLATE "C" PRIMARY KEY,
  definition TEXT NOT NULL,
  paused BOOLEAN NOT NULL,
  live_after BIGINT NOT NULL,
  backfilled_to BIGINT,
  retry_delays_ms BIGINT[] NOT NULL DEFAULT '{}');

-- One row. Locked by every change of eventbus_queues, so that they come one after the other.
CREATE TABLE eventbus_queues_revision (revision BIGINT NOT NULL);
INSERT INTO eventbus_queues_revision VALUES (1);

CREATE TABLE eventbus_held_retries (
  queue VARCHAR COLLATE "C" NOT NULL,
  event_id VARCHAR COLLATE "C" NOT NULL,
  attempt BIGINT NOT NULL,
  first_attempt_at TIMESTAMPTZ NOT NULL,
  first_failed_at TIMESTAMPTZ NOT NULL,
  due TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (queue, event_id));
)sql";

// Which instance puts the past into a queue, and until when the others leave it alone.
constexpr std::string_view backfill_claims = R"sql(
ALTER TABLE eventbus_queues ADD COLUMN backfilled_by BIGINT, ADD COLUMN backfill_claimed_until TIMESTAMPTZ;
)sql";
// Not used any more.
constexpr std::string_view removal_claims = R"sql(
ALTER TABLE eventbus_queues ADD COLUMN removed_by BIGINT, ADD COLUMN removal_claimed_until TIMESTAMPTZ;
)sql";
// Which instance makes or removes a queue on RabbitMQ, and until when the others leave it alone.
constexpr std::string_view work_claims = R"sql(
CREATE TABLE eventbus_queue_claims (
  queue VARCHAR COLLATE "C" PRIMARY KEY,
  instance BIGINT NOT NULL,
  removing BOOLEAN NOT NULL,
  until TIMESTAMPTZ NOT NULL);
)sql";
constexpr std::chrono::milliseconds claim_time{15'000};
constexpr std::chrono::milliseconds work_time{25'000};  // longer than a step of it takes
// So long RabbitMQ may be at what an instance began that died, or that lost the session which shows that it runs.
constexpr std::chrono::milliseconds after_death{5'000};

/// Condition on a claim `c`: it is in force.
std::string in_force() {
  return fmt::format(
      "c.until > now() AND c.until < now() + {0} * interval '2 ms' "  // later: the server's clock was set back
      "AND (c.until > now() + {1} * interval '1 ms' OR c.instance IN ({2}))",
      work_time.count(), (work_time - after_death).count(), running_instances);
}

std::string definition_text(const QueueDefinition& definition) {
  std::string text;
  append_queue_definition(text, definition);
  return text;
}

QueueDefinition read_definition(std::string_view name, std::string_view text) {
  auto definition = read_queue_definition(text);
  if (!definition)
    throw Unavailable("reading the definition of queue '" + std::string(name) + "' from table eventbus_queues",
                      definition.error().detail + "; was it written by a newer version?");
  return std::move(*definition);
}

std::vector<std::chrono::milliseconds> read_delays(std::string_view text) {
  std::vector<std::chrono::milliseconds> delays;
  while (!text.empty()) {
    const auto word = text.substr(0, text.find(','));
    delays.emplace_back(std::stoll(std::string(word)));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
  }
  return delays;
}

QueueRecord read_record(const postgres::Row& row) {
  QueueRecord record;
  record.definition = read_definition(row.text(0), row.text(1));
  record.paused = row.boolean(2);
  record.live_after = row.integer(3);
  if (!row.is_null(4)) record.backfilled_to = row.integer(4);
  record.retry_delays = read_delays(row.text(5));
  if (!row.is_null(6))
    record.removed_until = std::chrono::steady_clock::now() + std::chrono::milliseconds(row.integer(6));
  return record;
}

}  // namespace

asio::awaitable<void> QueueCatalog::migrate() {
  const auto deadline = std::chrono::steady_clock::now() + timeout_;
  auto lease = co_await pool_.acquire(deadline);
  std::vector<std::string_view> steps{catalog_schema, backfill_claims, removal_claims, work_claims};
  std::string component = "queues";
  co_await postgres::migrate(*lease, std::move(component), std::move(steps), deadline);
}

asio::awaitable<postgres::Rows> QueueCatalog::run(Statement statement) {
  const auto deadline = std::chrono::steady_clock::now() + timeout_;
  auto lease = co_await pool_.acquire(deadline);
  co_return co_await lease->execute(std::move(statement), deadline);
}

/// The number of rows that the statement changed.
asio::awaitable<std::int64_t> QueueCatalog::change(Statement statement) {
  const auto deadline = std::chrono::steady_clock::now() + timeout_;
  auto lease = co_await pool_.acquire(deadline);
  std::vector<Statement> statements;
  statements.emplace_back("UPDATE eventbus_queues_revision SET revision = revision + 1");
  statements.push_back(std::move(statement));
  const auto results = co_await lease->execute_all(std::move(statements), deadline);
  co_return results.back().affected();
}

asio::awaitable<std::int64_t> QueueCatalog::revision() {
  Statement statement("SELECT revision FROM eventbus_queues_revision");
  const auto rows = co_await run(std::move(statement));
  co_return rows[0].integer(0);
}

asio::awaitable<std::map<std::string, QueueRecord>> QueueCatalog::load() {
  Statement statement(
      fmt::format("SELECT name, definition, paused, live_after, backfilled_to, array_to_string(retry_delays_ms, ','), "
                  "(1000 * extract(epoch FROM until - now()))::bigint "
                  "FROM eventbus_queues LEFT JOIN eventbus_queue_claims AS c ON queue = name AND removing AND {}",
                  in_force()));
  const auto rows = co_await run(std::move(statement));
  std::map<std::string, QueueRecord> records;
  for (int index = 0; index < rows.size(); ++index) {
    auto record = read_record(rows[index]);
    auto name = record.definition.name;
    records.emplace(std::move(name), std::move(record));
  }
  co_return records;
}

asio::awaitable<bool> QueueCatalog::insert(QueueRecord record) {
  Statement statement(
      "INSERT INTO eventbus_queues (name, definition, paused, live_after, backfilled_to) "
      "VALUES ($1, $2, false, $3, $4) ON CONFLICT DO NOTHING");
  statement.add(std::string_view(record.definition.name));
  statement.add(std::string_view(definition_text(record.definition)));
  statement.add(std::int64_t{record.live_after});
  if (record.backfilled_to) {
    statement.add(std::int64_t{*record.backfilled_to});
  } else {
    statement.add_null();
  }
  co_return co_await change(std::move(statement)) == 1;
}

asio::awaitable<bool> QueueCatalog::redefine(QueueDefinition old, QueueDefinition wanted) {
  Statement statement("UPDATE eventbus_queues SET definition = $3 WHERE name = $1 AND definition = $2");
  statement.add(std::string_view(old.name));
  statement.add(std::string_view(definition_text(old)));
  statement.add(std::string_view(definition_text(wanted)));
  co_return co_await change(std::move(statement)) == 1;
}

asio::awaitable<void> QueueCatalog::set_paused(std::string queue, bool paused) {
  Statement statement("UPDATE eventbus_queues SET paused = $2::bigint <> 0 WHERE name = $1");
  statement.add(std::string_view(queue));
  statement.add(std::int64_t{paused ? 1 : 0});
  co_await change(std::move(statement));
}

asio::awaitable<std::optional<Position>> QueueCatalog::claim_backfill(std::string queue, InstanceId instance) {
  Statement statement(
      "UPDATE eventbus_queues SET backfilled_by = $2, backfill_claimed_until = now() + $3::bigint * interval '1 ms' "
      "WHERE name = $1 AND backfilled_to IS NOT NULL "
      "AND (backfilled_by IS NULL OR backfilled_by = $2 OR backfill_claimed_until < now() "
      // Far further ahead than anybody claims: the server's clock was set back. Far, since now() is when this began,
      // and another claim that it waited for may have begun later.
      "OR backfill_claimed_until > now() + $3::bigint * interval '2 ms') RETURNING backfilled_to");
  statement.add(std::string_view(queue));
  statement.add(std::bit_cast<std::int64_t>(instance));
  statement.add(std::int64_t{claim_time.count()});
  const auto rows = co_await run(std::move(statement));
  if (rows.empty()) co_return std::nullopt;
  co_return rows[0].integer(0);
}

asio::awaitable<bool> QueueCatalog::set_backfill(std::string queue, InstanceId instance,
                                                 std::optional<Position> backfilled_to, Position live_after) {
  Statement statement(
      "UPDATE eventbus_queues SET backfilled_to = $3, live_after = $4, "
      "backfill_claimed_until = now() + $5::bigint * interval '1 ms' WHERE name = $1 AND backfilled_by = $2");
  statement.add(std::string_view(queue));
  statement.add(std::bit_cast<std::int64_t>(instance));
  if (backfilled_to) {
    statement.add(std::int64_t{*backfilled_to});
  } else {
    statement.add_null();
  }
  statement.add(std::int64_t{live_after});
  statement.add(std::int64_t{claim_time.count()});
  co_return co_await change(std::move(statement)) == 1;
}

asio::awaitable<void> QueueCatalog::add_retry_delay(std::string queue, std::chrono::milliseconds delay) {
  Statement statement(
      "UPDATE eventbus_queues SET retry_delays_ms = array_append(retry_delays_ms, $2::bigint) "
      "WHERE name = $1 AND NOT $2::bigint = ANY (retry_delays_ms)");
  statement.add(std::string_view(queue));
  statement.add(std::int64_t{delay.count()});
  co_await change(std::move(statement));
}

asio::awaitable<void> QueueCatalog::remove_retry_delay(std::string queue, std::chrono::milliseconds delay) {
  Statement statement(
      "UPDATE eventbus_queues SET retry_delays_ms = array_remove(retry_delays_ms, $2::bigint) WHERE name = $1");
  statement.add(std::string_view(queue));
  statement.add(std::int64_t{delay.count()});
  co_await change(std::move(statement));
}

asio::awaitable<bool> QueueCatalog::claim(std::string queue, InstanceId instance, Work work) {
  Statement statement(fmt::format(
      "WITH claimed AS (INSERT INTO eventbus_queue_claims AS c "
      "VALUES ($1, $2, $3::bigint <> 0, now() + $4::bigint * interval '1 ms') "
      "ON CONFLICT (queue) DO UPDATE SET instance = excluded.instance, removing = excluded.removing, "
      "until = excluded.until WHERE (c.instance = excluded.instance AND c.removing <= excluded.removing) OR NOT ({}) "
      "RETURNING removing), "
      "told AS (UPDATE eventbus_queues_revision SET revision = revision + 1 "
      "WHERE EXISTS (SELECT 1 FROM claimed WHERE removing)) SELECT 1 FROM claimed",
      in_force()));
  statement.add(std::string_view(queue));
  statement.add(std::bit_cast<std::int64_t>(instance));
  statement.add(std::int64_t{work == Work::removing ? 1 : 0});
  statement.add(std::int64_t{work_time.count()});
  const auto rows = co_await run(std::move(statement));
  co_return !rows.empty();
}

asio::awaitable<void> QueueCatalog::prolong(std::string queue, InstanceId instance) {
  Statement statement(
      "UPDATE eventbus_queue_claims SET until = now() + $3::bigint * interval '1 ms' "
      "WHERE queue = $1 AND instance = $2 AND until > now()");
  statement.add(std::string_view(queue));
  statement.add(std::bit_cast<std::int64_t>(instance));
  statement.add(std::int64_t{work_time.count()});
  const auto rows = co_await run(std::move(statement));
  if (rows.affected() == 1) co_return;
  throw Unavailable("making or deleting queue '" + queue + "'", "it took too long, and others may be at it");
}

asio::awaitable<void> QueueCatalog::release(std::string queue, InstanceId instance) {
  Statement statement("DELETE FROM eventbus_queue_claims WHERE queue = $1 AND instance = $2");
  statement.add(std::string_view(queue));
  statement.add(std::bit_cast<std::int64_t>(instance));
  co_await run(std::move(statement));
}

asio::awaitable<bool> QueueCatalog::remove(std::string queue, InstanceId instance) {
  Statement statement(
      "WITH claimed AS (DELETE FROM eventbus_queue_claims "
      "WHERE queue = $1 AND instance = $2 AND removing AND until > now() RETURNING queue), "
      "gone AS (DELETE FROM eventbus_queues WHERE name IN (SELECT queue FROM claimed) RETURNING name), "
      "held AS (DELETE FROM eventbus_held_retries WHERE queue IN (SELECT name FROM gone)) SELECT name FROM gone");
  statement.add(std::string_view(queue));
  statement.add(std::bit_cast<std::int64_t>(instance));
  co_return co_await change(std::move(statement)) == 1;
}

asio::awaitable<void> QueueCatalog::hold(std::string queue, std::string event_id, HeldRetry retry) {
  Statement statement(
      "INSERT INTO eventbus_held_retries VALUES ($1, $2, $3, $4, $5, $6) "
      "ON CONFLICT (queue, event_id) DO UPDATE SET attempt = excluded.attempt, due = excluded.due");
  statement.add(std::string_view(queue));
  statement.add(std::string_view(event_id));
  statement.add(std::int64_t{retry.trials.attempt});
  statement.add(retry.trials.first_attempt_at);
  statement.add(retry.trials.first_failed_at);
  statement.add(retry.due);
  co_await run(std::move(statement));
}

asio::awaitable<void> QueueCatalog::unhold(std::string queue, std::vector<std::string> event_ids) {
  Statement statement("DELETE FROM eventbus_held_retries WHERE queue = $1 AND event_id = ANY ($2)");
  const std::vector<std::string_view> ids(event_ids.begin(), event_ids.end());
  statement.add(std::string_view(queue));
  statement.add(ids);
  co_await run(std::move(statement));
}

asio::awaitable<std::map<std::string, HeldRetry>> QueueCatalog::held(std::string queue) {
  Statement statement(
      "SELECT event_id, attempt, first_attempt_at, first_failed_at, due FROM eventbus_held_retries WHERE queue = $1");
  statement.add(std::string_view(queue));
  const auto rows = co_await run(std::move(statement));
  std::map<std::string, HeldRetry> held;
  for (int index = 0; index < rows.size(); ++index) {
    const auto row = rows[index];
    const Trials trials{.attempt = static_cast<std::uint32_t>(row.integer(1)),
                        .first_attempt_at = row.time(2),
                        .first_failed_at = row.time(3)};
    held.emplace(std::string(row.text(0)), HeldRetry{trials, row.time(4)});
  }
  co_return held;
}

}  // namespace eventbus::rabbitmq
