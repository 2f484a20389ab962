#include "eventbus/store/postgres/schema.hpp"

#include <fmt/format.h>

namespace eventbus::postgres_store {
namespace {

constexpr std::string_view new_table = R"sql(
  CREATE TABLE events (
    event_id VARCHAR COLLATE "C" PRIMARY KEY,
    timestamp TIMESTAMPTZ NOT NULL,
    event_type VARCHAR COLLATE "C" NOT NULL,
    payload JSONB NOT NULL,
    created_at TIMESTAMPTZ DEFAULT NOW());)sql";

constexpr std::string_view our_columns = R"sql(
ALTER TABLE events
  ALTER COLUMN created_at SET DEFAULT NOW(),
  ADD COLUMN IF NOT EXISTS position BIGINT,
  ADD COLUMN IF NOT EXISTS exchange VARCHAR COLLATE "C",
  ADD COLUMN IF NOT EXISTS routing_key VARCHAR COLLATE "C",
  ADD COLUMN IF NOT EXISTS ordering_key VARCHAR COLLATE "C",
  ADD COLUMN IF NOT EXISTS correlation_id VARCHAR COLLATE "C",
  ADD COLUMN IF NOT EXISTS traceparent VARCHAR COLLATE "C",
  ADD COLUMN IF NOT EXISTS cloudevent TEXT,
  ADD COLUMN IF NOT EXISTS payload_text TEXT;

-- One row. `base`: see schema.hpp. `taken_over`: positions given to events of an earlier service so far; `complete`
-- once all that were there at `since` have one. `system_identifier`: the cluster whose transactions `base` goes with.
CREATE TABLE eventbus_log (
  single BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (single),
  base BIGINT NOT NULL,
  system_identifier BIGINT NOT NULL,
  taken_over BIGINT NOT NULL,
  since TIMESTAMPTZ NOT NULL,
  complete BOOLEAN NOT NULL);
INSERT INTO eventbus_log (base, system_identifier, taken_over, since, complete)
  SELECT 1099511627776, system_identifier, 0, now(), NOT EXISTS (SELECT 1 FROM events) FROM pg_control_system();

-- One row for each transaction that stored events which the broker may not have yet. Rows live for milliseconds:
-- vacuum must come often and be quick.
CREATE TABLE eventbus_outbox (
  first_position BIGINT PRIMARY KEY,
  last_position BIGINT NOT NULL,
  stored_at TIMESTAMPTZ NOT NULL)
WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0,
      autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 100000);
)sql";

// The lives of the log, see life_keeper.hpp. A life gave the positions behind after_position, up to the next one's.
// While instances of a version before lives are at work beside us the log stays in life 0, whose cursors are like
// theirs.
constexpr std::string_view lives = R"sql(
CREATE TABLE eventbus_lives (
  after_position BIGINT PRIMARY KEY,
  id BIGINT NOT NULL,
  server_start TIMESTAMPTZ NOT NULL,
  database BIGINT NOT NULL,
  written_by BIGINT NOT NULL);
INSERT INTO eventbus_lives
  SELECT 0, 0, pg_postmaster_start_time(), oid::bigint, txid_current() FROM pg_database WHERE datname = current_database();
)sql";

std::string first_step() {
  std::string sql = "DO $new$ BEGIN IF to_regclass('events') IS NULL THEN";
  sql += new_table;
  sql += "END IF; END $new$;";
  sql += our_columns;
  sql += "DO $new$ BEGIN IF (SELECT complete FROM eventbus_log) THEN ";
  for (const auto& [name, unique, definition] : event_indexes())
    sql += fmt::format("CREATE {}INDEX IF NOT EXISTS {} ON {};", unique ? "UNIQUE " : "", name, definition);
  return sql + " END IF; END $new$;";
}

}  // namespace

std::vector<std::string_view> event_schema() {
  static const std::string first = first_step();
  return {first, lives};
}

const std::vector<IndexDefinition>& event_indexes() {
  // Ordering keys may be longer than an index entry can be, hence the hash.
  static const std::vector<IndexDefinition> indexes{
      {"idx_events_position", true, "events (position) WHERE position IS NOT NULL"},
      {"idx_events_unnumbered", false, "events (created_at, event_id) WHERE position IS NULL"},
      {"idx_events_timestamp", false, "events (timestamp)"},
      {"idx_events_event_type", false, "events (event_type)"},
      {"idx_events_created_at", false, "events (created_at)"},
      {"idx_events_ordering_key", false,
       "events (hashtextextended(ordering_key, 0), timestamp) WHERE ordering_key IS NOT NULL"},
      {"idx_events_correlation_id", false, "events (correlation_id) WHERE correlation_id IS NOT NULL"}};
  return indexes;
}

const IndexDefinition& payload_index() {
  static const IndexDefinition index{"idx_events_payload", false, "events USING gin (payload jsonb_path_ops)"};
  return index;
}

}  // namespace eventbus::postgres_store
