#pragma once

#include <string_view>
#include <vector>

namespace eventbus::embedded {

/// The numbered migrations of the queue tables (component "broker").
inline const std::vector<std::string_view>& queue_schema() {
  static const std::vector<std::string_view> steps{
      R"sql(
-- Ids are drawn at random and never used again: delivery ids of a queue that was deleted, or lost when the file was put
-- back from a copy, must not mean another one.
CREATE TABLE queues (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  paused INTEGER NOT NULL DEFAULT 0,
  declared_at INTEGER NOT NULL,
  dead_letters INTEGER NOT NULL DEFAULT 0);

-- What was in force for events behind after_position; the last one is the definition.
CREATE TABLE queue_definitions (
  queue INTEGER NOT NULL,
  after_position INTEGER NOT NULL,
  definition TEXT NOT NULL,
  PRIMARY KEY (queue, after_position)) WITHOUT ROWID;

-- Matching events up to frontier are settled, but for those in gaps and in outstanding. backlog: matching events that are
-- not settled behind frontier up to counted_to.
CREATE TABLE queue_progress (
  queue INTEGER PRIMARY KEY,
  frontier INTEGER NOT NULL,
  counted_to INTEGER NOT NULL,
  backlog INTEGER NOT NULL,
  gaps BLOB NOT NULL);

-- Times in microseconds since 1970; 0: none yet.
CREATE TABLE outstanding (
  queue INTEGER NOT NULL,
  position INTEGER NOT NULL,
  stored_at INTEGER NOT NULL,
  ordering_key_hash INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  first_attempt_at INTEGER NOT NULL,
  first_failed_at INTEGER NOT NULL,
  PRIMARY KEY (queue, position)) WITHOUT ROWID;

CREATE TABLE dead_letters (
  queue INTEGER NOT NULL,
  position INTEGER NOT NULL,
  reason TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  first_failed_at INTEGER NOT NULL,
  last_failed_at INTEGER NOT NULL,
  PRIMARY KEY (queue, position)) WITHOUT ROWID;
CREATE TRIGGER dead_letter_added AFTER INSERT ON dead_letters BEGIN
  UPDATE queues SET dead_letters = dead_letters + 1 WHERE id = new.queue;
END;
CREATE TRIGGER dead_letter_gone AFTER DELETE ON dead_letters BEGIN
  UPDATE queues SET dead_letters = dead_letters - 1 WHERE id = old.queue;
END;
)sql",
      R"sql(
ALTER TABLE outstanding ADD COLUMN last_failed_at INTEGER NOT NULL DEFAULT 0;
)sql",
      R"sql(
ALTER TABLE queues ADD COLUMN declared_time INTEGER NOT NULL DEFAULT 0;

ALTER TABLE outstanding RENAME TO outstanding_of_positions;
-- entry: the position of what was routed; a random number below 0 for what entered again. In a queue entries stand in
-- the order of place, turn: the position of what was routed; the end of the log when it entered again, and a number
-- that grows.
CREATE TABLE outstanding (
  queue INTEGER NOT NULL,
  entry INTEGER NOT NULL,
  place INTEGER NOT NULL,
  turn INTEGER NOT NULL,
  position INTEGER NOT NULL,
  entered_at INTEGER NOT NULL,
  ordering_key_hash INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  first_attempt_at INTEGER NOT NULL,
  first_failed_at INTEGER NOT NULL,
  last_failed_at INTEGER NOT NULL,
  PRIMARY KEY (queue, entry)) WITHOUT ROWID;
INSERT INTO outstanding
  SELECT queue, position, position, 0, position, stored_at, ordering_key_hash, attempt, due_at, first_attempt_at,
         first_failed_at, last_failed_at FROM outstanding_of_positions;
DROP TABLE outstanding_of_positions;
)sql"};
  return steps;
}

}  // namespace eventbus::embedded
