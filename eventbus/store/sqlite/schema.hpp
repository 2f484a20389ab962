#pragma once

#include <string_view>
#include <vector>

namespace eventbus {

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
CREATE INDEX events_time ON events(timestamp);
CREATE INDEX events_type ON events(type, timestamp);
CREATE INDEX events_ordering_key ON events(ordering_key, timestamp) WHERE ordering_key IS NOT NULL;
CREATE INDEX events_correlation ON events(correlation_id, timestamp) WHERE correlation_id IS NOT NULL;

-- For people: sqlite3 eventbus.db 'SELECT * FROM event_view LIMIT 10'
CREATE VIEW event_view AS SELECT
  position,
  CASE typeof(event_id) WHEN 'blob'
    THEN lower(substr(hex(event_id),1,8)||'-'||substr(hex(event_id),9,4)||'-'||substr(hex(event_id),13,4)||'-'||
               substr(hex(event_id),17,4)||'-'||substr(hex(event_id),21))
    ELSE event_id END AS event_id,
  strftime('%Y-%m-%dT%H:%M:%S', timestamp / 1000000, 'unixepoch') || printf('.%06dZ', timestamp % 1000000) AS timestamp,
  (SELECT name FROM types WHERE id = type) AS event_type,
  strftime('%Y-%m-%dT%H:%M:%S', stored_at / 1000000, 'unixepoch') || printf('.%06dZ', stored_at % 1000000) AS stored_at,
  (SELECT name FROM exchanges WHERE id = exchange) AS exchange,
  coalesce(routing_key, (SELECT name FROM types WHERE id = type)) AS routing_key,
  ordering_key, correlation_id, traceparent, cloudevent, payload
FROM events;
)sql"};
  return steps;
}

}  // namespace eventbus
