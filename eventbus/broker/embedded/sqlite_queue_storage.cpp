#include "eventbus/broker/embedded/sqlite_queue_storage.hpp"

#include <map>
#include <stdexcept>

#include "eventbus/broker/embedded/queue_schema.hpp"
#include "eventbus/core/random_id.hpp"

namespace eventbus::embedded {
namespace {

using sqlite::Connection;
using sqlite::Statement;

std::int64_t micros(Timestamp time) {
  return time.time_since_epoch().count();
}

Timestamp from_micros(std::int64_t count) {
  return Timestamp(std::chrono::microseconds(count));
}

QueueDefinition read_definition(std::string_view name, std::string_view json) {
  auto definition = read_queue_definition(json);
  if (definition) return std::move(*definition);
  throw std::runtime_error("the stored definition of queue '" + std::string(name) +
                           "' is damaged or from a newer version: " + definition.error().detail +
                           " Restore the data directory from a backup, or run the newer version.");
}

void write_definitions(Connection& connection, std::int64_t queue, QueueDefinition definition,
                       const std::vector<BindingEpoch>& epochs) {
  connection.prepare("DELETE FROM queue_definitions WHERE queue = ?1").bind(1, queue).run();
  auto insert = connection.prepare("INSERT INTO queue_definitions VALUES (?1, ?2, ?3)");
  for (const auto& epoch : epochs) {
    definition.bindings = epoch.bindings;
    std::string json;
    append_queue_definition(json, definition);
    insert.bind(1, queue).bind(2, epoch.after).bind(3, json).run();
  }
}

std::map<std::int64_t, StoredQueue> load_queues(Connection& connection) {
  std::map<std::int64_t, StoredQueue> queues;
  auto row = connection.prepare(
      "SELECT id, name, paused, declared_at, dead_letters, frontier, counted_to, backlog, gaps, declared_time "
      "FROM queues JOIN queue_progress ON queue = id");
  while (row.step()) {
    auto& queue = queues[row.integer(0)];
    queue.id = row.integer(0);
    queue.definition.name = row.text(1);
    queue.paused = row.integer(2) != 0;
    queue.declared_at = row.integer(3);
    queue.dead_letters = static_cast<std::uint64_t>(row.integer(4));
    queue.progress = {row.integer(5), row.integer(6), static_cast<std::uint64_t>(row.integer(7)),
                      decode_gaps(row.text(8))};
    queue.declared_time = from_micros(row.integer(9));
  }
  return queues;
}

void load_definitions(Connection& connection, std::map<std::int64_t, StoredQueue>& queues) {
  auto row = connection.prepare(
      "SELECT queue, after_position, definition FROM queue_definitions ORDER BY queue, after_position");
  while (row.step()) {
    auto& queue = queues.at(row.integer(0));
    queue.definition = read_definition(queue.definition.name, row.text(2));
    queue.epochs.push_back({row.integer(1), queue.definition.bindings});
  }
}

void load_outstanding(Connection& connection, std::map<std::int64_t, StoredQueue>& queues) {
  auto row = connection.prepare(
      "SELECT queue, entry, place, turn, position, entered_at, ordering_key_hash, attempt, due_at, first_attempt_at, "
      "first_failed_at, last_failed_at FROM outstanding");
  while (row.step()) {
    queues.at(row.integer(0))
        .rows.push_back(
            {.event = {row.integer(4), from_micros(row.integer(5)), static_cast<std::uint64_t>(row.integer(6))},
             .seat = {{row.integer(2), row.integer(3)}, row.integer(1)},
             .attempt = static_cast<std::uint32_t>(row.integer(7)),
             .due = from_micros(row.integer(8)),
             .first_attempt_at = from_micros(row.integer(9)),
             .first_failed_at = from_micros(row.integer(10)),
             .last_failed_at = from_micros(row.integer(11))});
  }
}

bool write_progress(Connection& connection, std::int64_t queue, const QueueProgress& progress) {
  const auto gaps = encode_gaps(progress.gaps);
  connection
      .prepare("UPDATE queue_progress SET frontier = ?2, counted_to = ?3, backlog = ?4, gaps = ?5 WHERE queue = ?1")
      .bind(1, queue)
      .bind(2, progress.frontier)
      .bind(3, progress.counted_to)
      .bind(4, static_cast<std::int64_t>(progress.backlog))
      .bind_blob(5, gaps)
      .run();
  return connection.changes() > 0;
}

void write_row(Statement& statement, std::int64_t queue, const OutstandingRow& row) {
  statement.bind(1, queue)
      .bind(2, row.seat.entry)
      .bind(3, row.seat.place.at)
      .bind(4, row.seat.place.turn)
      .bind(5, row.event.position)
      .bind(6, micros(row.event.entered_at))
      .bind(7, static_cast<std::int64_t>(row.event.key))
      .bind(8, std::int64_t{row.attempt})
      .bind(9, micros(row.due))
      .bind(10, micros(row.first_attempt_at))
      .bind(11, micros(row.first_failed_at))
      .bind(12, micros(row.last_failed_at))
      .run();
}

constexpr std::string_view put_outstanding =
    "INSERT OR REPLACE INTO outstanding VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)";
constexpr std::string_view put_for_dead_letter =
    "INSERT INTO outstanding SELECT ?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12 FROM dead_letters "
    "WHERE queue = ?1 AND position = ?5 ON CONFLICT DO NOTHING";
constexpr std::string_view unbury_dead_letter = "DELETE FROM dead_letters WHERE queue = ?1 AND position = ?2";

void write_commit(Connection& connection, std::int64_t queue, const QueueCommit& commit) {
  if (!write_progress(connection, queue, commit.progress)) return;
  if (!commit.rows.empty() || !commit.spilled.empty()) {
    auto put = connection.prepare(put_outstanding);
    for (const auto& row : commit.rows) write_row(put, queue, row);
    for (const auto& event : commit.spilled) write_row(put, queue, {.event = event, .seat = seat_of(event)});
  }
  if (!commit.settled_rows.empty()) {
    auto settle = connection.prepare("DELETE FROM outstanding WHERE queue = ?1 AND entry = ?2");
    for (const auto entry : commit.settled_rows) settle.bind(1, queue).bind(2, entry).run();
  }
  if (commit.dead_letters.empty()) return;
  auto bury = connection.prepare("INSERT OR REPLACE INTO dead_letters VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
  for (const auto& dead : commit.dead_letters) {
    bury.bind(1, queue)
        .bind(2, dead.position)
        .bind(3, dead.reason)
        .bind(4, std::int64_t{dead.attempts})
        .bind(5, micros(dead.first_failed_at))
        .bind(6, micros(dead.last_failed_at))
        .run();
  }
}

DeadLetterRow read_dead_letter(const Statement& row) {
  return {.position = row.integer(0),
          .reason = std::string(row.text(1)),
          .attempts = static_cast<std::uint32_t>(row.integer(2)),
          .first_failed_at = from_micros(row.integer(3)),
          .last_failed_at = from_micros(row.integer(4))};
}

constexpr std::string_view dead_letter_at =
    "SELECT position, reason, attempts, first_failed_at, last_failed_at FROM dead_letters "
    "WHERE queue = ?1 AND position = ?2";

/// Calls `use` for those of the positions behind `after` that are dead letters, until it returns false.
template <class Use>
void each_at(Connection& connection, std::int64_t queue, Position after, const std::vector<Position>& positions,
             Use use) {
  auto row = connection.prepare(dead_letter_at);
  for (const auto position : positions) {
    if (position <= after) continue;
    row.bind(1, queue).bind(2, position);
    if (row.step() && !use(read_dead_letter(row))) return;
    row.reset();
  }
}

std::vector<DeadLetterRow> scan_dead_letters(Connection& connection, std::int64_t queue, Position after,
                                             std::size_t limit, const DeadLetterFilter& filter) {
  std::vector<DeadLetterRow> rows;
  if (filter.by_position) {
    each_at(connection, queue, after, filter.positions, [&rows, limit](DeadLetterRow row) {
      rows.push_back(std::move(row));
      return rows.size() < limit;
    });
    return rows;
  }
  auto row = connection.prepare(
      "SELECT position, reason, attempts, first_failed_at, last_failed_at FROM dead_letters "
      "WHERE queue = ?1 AND position > ?2 AND (?3 = '' OR reason = ?3) ORDER BY position LIMIT ?4");
  row.bind(1, queue).bind(2, after).bind(3, filter.reason).bind(4, static_cast<std::int64_t>(limit));
  while (row.step()) rows.push_back(read_dead_letter(row));
  return rows;
}

std::uint64_t tally_dead_letters(Connection& connection, std::int64_t queue, const DeadLetterFilter& filter) {
  std::uint64_t count = 0;
  if (filter.by_position) {
    each_at(connection, queue, 0, filter.positions, [&count](const DeadLetterRow&) { return ++count > 0; });
    return count;
  }
  auto row =
      connection.prepare(filter.reason.empty() ? "SELECT dead_letters FROM queues WHERE id = ?1 AND ?2 = ''"
                                               : "SELECT count(*) FROM dead_letters WHERE queue = ?1 AND reason = ?2");
  row.bind(1, queue).bind(2, filter.reason);
  return row.step() ? static_cast<std::uint64_t>(row.integer(0)) : 0;
}

}  // namespace

SqliteQueueStorage::SqliteQueueStorage(sqlite::Database& database) : database_(database) {
  database_.migrate("broker", queue_schema());
}

asio::awaitable<std::vector<StoredQueue>> SqliteQueueStorage::load() {
  const auto job = [](Connection& connection) {
    auto queues = load_queues(connection);
    load_definitions(connection, queues);
    load_outstanding(connection, queues);
    std::vector<StoredQueue> loaded;
    loaded.reserve(queues.size());
    for (auto& entry : queues) loaded.push_back(std::move(entry.second));
    return loaded;
  };
  co_return co_await database_.read(job);
}

asio::awaitable<std::int64_t> SqliteQueueStorage::create(StoredQueue queue) {
  const auto job = [queue = std::move(queue)](Connection& connection) {
    const auto& definition = queue.definition;
    const auto id = static_cast<std::int64_t>(random_id());
    connection.prepare("INSERT INTO queues (id, name, declared_at, declared_time) VALUES (?1, ?2, ?3, ?4)")
        .bind(1, id)
        .bind(2, definition.name)
        .bind(3, queue.declared_at)
        .bind(4, micros(queue.declared_time))
        .run();
    const auto& progress = queue.progress;
    connection.prepare("INSERT INTO queue_progress VALUES (?1, ?2, ?3, ?4, x'')")
        .bind(1, id)
        .bind(2, progress.frontier)
        .bind(3, progress.counted_to)
        .bind(4, static_cast<std::int64_t>(progress.backlog))
        .run();
    write_definitions(connection, id, definition, queue.epochs);
    return id;
  };
  co_return co_await database_.write(job);
}

asio::awaitable<void> SqliteQueueStorage::redefine(std::int64_t queue, QueueDefinition definition,
                                                   std::vector<BindingEpoch> epochs) {
  const auto job = [queue, definition = std::move(definition), epochs = std::move(epochs)](Connection& connection) {
    write_definitions(connection, queue, definition, epochs);
  };
  co_await database_.write(job);
}

asio::awaitable<void> SqliteQueueStorage::set_paused(std::int64_t queue, bool paused) {
  const auto job = [queue, paused](Connection& connection) {
    connection.prepare("UPDATE queues SET paused = ?2 WHERE id = ?1")
        .bind(1, queue)
        .bind(2, std::int64_t{paused ? 1 : 0})
        .run();
  };
  co_await database_.write(job);
}

asio::awaitable<void> SqliteQueueStorage::remove(std::int64_t queue) {
  const auto job = [queue](Connection& connection) {
    connection.prepare("DELETE FROM queues WHERE id = ?1").bind(1, queue).run();
    connection.prepare("DELETE FROM queue_definitions WHERE queue = ?1").bind(1, queue).run();
    connection.prepare("DELETE FROM queue_progress WHERE queue = ?1").bind(1, queue).run();
    connection.prepare("DELETE FROM outstanding WHERE queue = ?1").bind(1, queue).run();
    connection.prepare("DELETE FROM dead_letters WHERE queue = ?1").bind(1, queue).run();
  };
  co_await database_.write(job);
}

asio::awaitable<void> SqliteQueueStorage::commit(std::int64_t queue, const QueueCommit& commit) {
  const auto job = [queue, &commit](Connection& connection) { write_commit(connection, queue, commit); };
  co_await database_.write(job);
}

asio::awaitable<std::vector<DeadLetterRow>> SqliteQueueStorage::dead_letters(std::int64_t queue, Position after,
                                                                             std::size_t limit,
                                                                             DeadLetterFilter filter) {
  const auto job = [queue, after, limit, filter = std::move(filter)](Connection& connection) {
    return scan_dead_letters(connection, queue, after, limit, filter);
  };
  co_return co_await database_.read(job);
}

asio::awaitable<std::uint64_t> SqliteQueueStorage::count_dead_letters(std::int64_t queue, DeadLetterFilter filter) {
  const auto job = [queue, filter = std::move(filter)](Connection& connection) {
    return tally_dead_letters(connection, queue, filter);
  };
  co_return co_await database_.read(job);
}

asio::awaitable<std::size_t> SqliteQueueStorage::delete_dead_letters(std::int64_t queue,
                                                                     std::vector<Position> positions) {
  const auto job = [queue, positions = std::move(positions)](Connection& connection) {
    auto unbury = connection.prepare(unbury_dead_letter);
    std::size_t deleted = 0;
    for (const auto position : positions) {
      unbury.bind(1, queue).bind(2, position).run();
      deleted += static_cast<std::size_t>(connection.changes());
    }
    return deleted;
  };
  co_return co_await database_.write(job);
}

asio::awaitable<std::vector<OutstandingRow>> SqliteQueueStorage::revive(std::int64_t queue,
                                                                        std::vector<OutstandingRow> rows) {
  const auto job = [queue, rows = std::move(rows)](Connection& connection) {
    std::vector<OutstandingRow> revived;
    auto put = connection.prepare(put_for_dead_letter);
    auto unbury = connection.prepare(unbury_dead_letter);
    for (const auto& row : rows) {
      write_row(put, queue, row);
      if (connection.changes() == 0) continue;
      unbury.bind(1, queue).bind(2, row.event.position).run();
      revived.push_back(row);
    }
    return revived;
  };
  co_return co_await database_.write(job);
}

}  // namespace eventbus::embedded
