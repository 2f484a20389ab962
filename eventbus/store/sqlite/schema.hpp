#pragma once

#include <string_view>
#include <vector>

#include "eventbus/core/event.hpp"

namespace eventbus {

/// The log is divided into blocks of 2^14 positions. Every index but that of the ids begins with the block, so that an
/// insert touches only the few pages of the newest block, however many keys there are: without it a million ordering
/// keys would mean a page to read and write for every event. A listing visits the blocks whose times it asks for.
inline constexpr int block_bits = 14;

constexpr std::int64_t block_of(Position position) {
  return position >> block_bits;
}
constexpr bool ends_block(Position position) {
  return block_of(position + 1) != block_of(position);
}

/// The numbered migrations of the event tables (component "store").
inline const std::vector<std::string_view>& event_schema() {
  static const std::vector<std::string_view> steps{
      R"sql(
CREATE TABLE types (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE exchanges (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);

-- event_id: 16 bytes where the id is a UUID in canonical form, else text. correlation_id: NULL where it is the event's own
-- id; routing_key: NULL where it is the event type. Times in microseconds since 1970. The payload comes last, so that
-- reading the other columns of a large event doesn't read it.
CREATE TABLE events (
  position INTEGER PRIMARY KEY,
  event_id BLOB NOT NULL,
  timestamp INTEGER NOT NULL,
  type INTEGER NOT NULL,
  stored_at INTEGER NOT NULL,
  exchange INTEGER NOT NULL,
  routing_key TEXT,
  ordering_key TEXT,
  correlation_id TEXT,
  traceparent TEXT,
  cloudevent TEXT,
  payload TEXT NOT NULL);
CREATE UNIQUE INDEX events_id ON events(event_id);
CREATE INDEX events_time ON events(position >> 14, timestamp, type);
CREATE INDEX events_type ON events(position >> 14, type, timestamp);
CREATE INDEX events_ordering_key ON events(position >> 14, ordering_key, timestamp) WHERE ordering_key IS NOT NULL;
CREATE INDEX events_correlation ON events(position >> 14, correlation_id, timestamp) WHERE correlation_id IS NOT NULL;

-- The times of each full block; the block of the head has no row yet.
CREATE TABLE blocks (id INTEGER PRIMARY KEY, earliest INTEGER NOT NULL, latest INTEGER NOT NULL);

-- The largest position whose event was deleted: no position is ever given twice.
CREATE TABLE deleted (last_position INTEGER NOT NULL);
INSERT INTO deleted VALUES (0);
CREATE TRIGGER events_deleted AFTER DELETE ON events WHEN OLD.position > (SELECT last_position FROM deleted)
BEGIN UPDATE deleted SET last_position = OLD.position; END;

-- For people: sqlite3 eventbus.db 'SELECT * FROM event_view LIMIT 10'
CREATE VIEW event_view AS
WITH readable AS (
  SELECT *,
    CASE typeof(event_id) WHEN 'blob'
      THEN lower(substr(hex(event_id),1,8)||'-'||substr(hex(event_id),9,4)||'-'||substr(hex(event_id),13,4)||'-'||
                 substr(hex(event_id),17,4)||'-'||substr(hex(event_id),21))
      ELSE event_id END AS id_text,
    ((timestamp % 1000000) + 1000000) % 1000000 AS timestamp_micros,
    ((stored_at % 1000000) + 1000000) % 1000000 AS stored_micros,
    (SELECT name FROM types WHERE id = type) AS type_name
  FROM events)
SELECT
  position,
  id_text AS event_id,
  strftime('%Y-%m-%dT%H:%M:%S', (timestamp - timestamp_micros) / 1000000, 'unixepoch')
    || printf('.%06dZ', timestamp_micros) AS timestamp,
  type_name AS event_type,
  strftime('%Y-%m-%dT%H:%M:%S', (stored_at - stored_micros) / 1000000, 'unixepoch')
    || printf('.%06dZ', stored_micros) AS stored_at,
  (SELECT name FROM exchanges WHERE id = exchange) AS exchange,
  coalesce(routing_key, type_name) AS routing_key,
  ordering_key,
  coalesce(correlation_id, id_text) AS correlation_id,
  traceparent, cloudevent, payload
FROM readable;
)sql",
      R"sql(
-- Each start of the service that stored something: the name of its life, and the position behind which it gave its own.
CREATE TABLE lives (after_position INTEGER PRIMARY KEY, id INTEGER NOT NULL);
)sql"};
  return steps;
}

}  // namespace eventbus
