#include "eventbus/store/sqlite/sqlite_event_store.hpp"

#include <algorithm>
#include <chrono>

#include "eventbus/core/topic.hpp"
#include "eventbus/store/page_budget.hpp"
#include "eventbus/store/sqlite/event_row.hpp"
#include "eventbus/store/sqlite/listing.hpp"
#include "eventbus/store/sqlite/schema.hpp"

namespace eventbus {
namespace {

constexpr std::size_t most_rows_examined = 20'000;
constexpr std::string_view behind = " FROM events WHERE position > ?1 ORDER BY position LIMIT ?2";

EventStore::LogPage scan_log(sqlite::Connection& connection, Position after, std::size_t limit,
                             std::string_view pattern) {
  static const std::string sql = "SELECT " + std::string(event_columns) + std::string(behind);
  const std::size_t most = pattern.empty() ? limit : std::max(limit, most_rows_examined);
  EventStore::LogPage page{{}, after};
  auto row = connection.prepare(sql);
  row.bind(1, after).bind(2, static_cast<std::int64_t>(most));
  std::size_t bytes = 0;
  while (page.events.size() < limit && bytes < most_page_bytes && row.step()) {
    page.scanned = row.integer(0);
    if (!pattern.empty() && !topic_matches(pattern, row.text(3))) continue;
    page.events.push_back(read_event(row));
    bytes += page_bytes(*page.events.back().event);
  }
  return page;
}

std::vector<RouteRecord> scan_routes(sqlite::Connection& connection, Position after, std::size_t limit) {
  static const std::string sql =
      "SELECT position, timestamp, stored_at, (SELECT name FROM exchanges WHERE id = exchange), "
      "coalesce(routing_key, (SELECT name FROM types WHERE id = type)), ordering_key" +
      std::string(behind);
  std::vector<RouteRecord> routes;
  auto row = connection.prepare(sql);
  row.bind(1, after).bind(2, static_cast<std::int64_t>(limit));
  while (row.step()) {
    routes.push_back({row.integer(0), from_micros(row.integer(1)), from_micros(row.integer(2)),
                      std::string(row.text(3)), std::string(row.text(4)), std::string(row.text(5))});
  }
  return routes;
}

EventStore::Found fetch(sqlite::Connection& connection, const std::vector<Position>& positions) {
  static const std::string sql = "SELECT " + std::string(event_columns) + " FROM events WHERE position = ?1";
  EventStore::Found found;
  std::size_t bytes = 0;
  for (; found.asked < positions.size() && bytes < most_page_bytes; ++found.asked) {
    auto row = connection.prepare(sql);
    if (!row.bind(1, positions[found.asked]).step()) continue;
    found.events.push_back(read_event(row));
    bytes += page_bytes(*found.events.back().event);
  }
  return found;
}

std::optional<Position> find_first(sqlite::Connection& connection, std::int64_t time) {
  auto block = connection.prepare(
      "SELECT coalesce((SELECT id FROM blocks WHERE latest >= ?1 ORDER BY id LIMIT 1), "
      "(SELECT max(id) + 1 FROM blocks), 0)");
  block.bind(1, time).step();
  auto row = connection.prepare(
      "SELECT min(position) FROM events INDEXED BY events_time WHERE position >> 14 = ?1 AND timestamp >= ?2");
  row.bind(1, block.integer(0)).bind(2, time).step();
  return row.is_null(0) ? std::nullopt : std::optional(row.integer(0));
}

void store_life(sqlite::Connection& connection, LifeId life, Position after) {
  connection.prepare("INSERT OR REPLACE INTO lives VALUES (?1, ?2)")
      .bind(1, after)
      .bind(2, static_cast<std::int64_t>(life))
      .run();
  connection
      .prepare(
          "DELETE FROM lives WHERE after_position < (SELECT after_position FROM lives "
          "ORDER BY after_position DESC LIMIT 1 OFFSET ?1)")
      .bind(1, static_cast<std::int64_t>(LogLives::most) - 1)
      .run();
}

}  // namespace

SqliteEventStore::SqliteEventStore(sqlite::Database& database, StoreMetrics& metrics)
    : database_(database), metrics_(metrics) {
  database_.migrate("store", event_schema());
  auto& connection = database_.startup_connection();
  head_ = began_ = largest_position(connection);
  load_lives(connection);
}

void SqliteEventStore::load_lives(sqlite::Connection& connection) {
  auto row = connection.prepare("SELECT id, after_position FROM lives ORDER BY after_position");
  while (row.step()) lives_.begin(static_cast<LifeId>(row.integer(0)), row.integer(1));
  lives_.begin(life_, began_);
}

asio::awaitable<std::vector<std::vector<Appended>>> SqliteEventStore::append(std::vector<AppendRequest> requests) {
  const Stopwatch stopwatch(metrics_.write_duration);
  auto job = [this, &requests, life_stored = life_stored_](sqlite::Connection& connection) {
    auto appended = writer_.append(connection, requests);
    if (!life_stored) store_life(connection, life_, began_);
    return appended;
  };
  auto results = co_await database_.write(job);
  life_stored_ = true;
  note(results);
  co_return results;
}

void SqliteEventStore::note(std::vector<std::vector<Appended>>& results) {
  std::size_t stored = 0;
  std::size_t duplicates = 0;
  std::size_t drafts = 0;
  for (auto& request : results) {
    for (auto& appended : request) {
      ++drafts;
      lives_.mark(appended.event);
      stored += appended.status == AppendStatus::stored ? 1 : 0;
      duplicates += appended.status == AppendStatus::duplicate ? 1 : 0;
      if (appended.status == AppendStatus::stored) head_ = std::max(head_, appended.event.position);
    }
  }
  metrics_.stored.add(static_cast<double>(stored));
  metrics_.duplicates.add(static_cast<double>(duplicates));
  metrics_.batch_size.observe(static_cast<double>(drafts));
}

asio::awaitable<std::optional<StoredEvent>> SqliteEventStore::get(std::string event_id) {
  const Stopwatch stopwatch(metrics_.query_duration);
  auto job = [&event_id](sqlite::Connection& connection) { return find_event(connection, event_id); };
  auto found = co_await database_.read(job);
  if (found) lives_.mark(*found);
  co_return found;
}

asio::awaitable<EventPage> SqliteEventStore::query(EventQuery query) {
  const Stopwatch stopwatch(metrics_.query_duration);
  Listing listing(std::move(query));
  auto job = [&listing](sqlite::Connection& connection) { return listing.read_slice(connection); };
  for (bool complete = false; !complete;) complete = co_await database_.read(job);
  auto page = listing.take_page();
  lives_.mark(page.events);
  if (page.next) page.next->life = lives_.of(page.next->snapshot);
  co_return page;
}

asio::awaitable<EventStore::LogPage> SqliteEventStore::read_log(Position after, std::size_t limit,
                                                                std::string type_pattern) {
  auto job = [after, limit, &type_pattern](sqlite::Connection& connection) {
    return scan_log(connection, after, limit, type_pattern);
  };
  auto page = co_await database_.read(job);
  lives_.mark(page.events);
  co_return page;
}

asio::awaitable<std::vector<RouteRecord>> SqliteEventStore::read_routes(Position after, std::size_t limit) {
  auto job = [after, limit](sqlite::Connection& connection) { return scan_routes(connection, after, limit); };
  co_return co_await database_.read(job);
}

asio::awaitable<EventStore::Found> SqliteEventStore::read_at(std::vector<Position> positions) {
  auto job = [&positions](sqlite::Connection& connection) { return fetch(connection, positions); };
  auto found = co_await database_.read(job);
  lives_.mark(found.events);
  co_return found;
}

/// The end is a second sign: of a machine that was put back with the running service in it.
asio::awaitable<bool> SqliteEventStore::gave(LogPlace place) {
  if (!lives_.gave(place)) co_return false;
  if (place.position <= head_) co_return true;
  auto job = [](sqlite::Connection& connection) { return largest_position(connection); };
  co_return place.position <= co_await database_.read(job);
}

asio::awaitable<std::optional<Position>> SqliteEventStore::first_at_or_after(Timestamp time) {
  auto job = [time](sqlite::Connection& connection) { return find_first(connection, to_micros(time)); };
  co_return co_await database_.read(job);
}

}  // namespace eventbus
