#include "eventbus/store/postgres/postgres_event_store.hpp"

#include <algorithm>
#include <iterator>
#include <stdexcept>

#include "eventbus/postgres/migrations.hpp"
#include "eventbus/store/page_budget.hpp"
#include "eventbus/store/postgres/event_row.hpp"
#include "eventbus/store/postgres/listing.hpp"
#include "eventbus/store/postgres/log_reader.hpp"
#include "eventbus/store/postgres/schema.hpp"
#include "eventbus/store/postgres/table_shape.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus {
namespace {

using namespace postgres_store;
using postgres::Statement;
using Source = EventReader::Source;

postgres::Deadline after(std::chrono::milliseconds time) {
  return std::chrono::steady_clock::now() + time;
}

std::vector<std::int64_t> positions_of(const std::vector<OutboxEntry>& entries, Position OutboxEntry::* end) {
  std::vector<std::int64_t> positions;
  positions.reserve(entries.size());
  for (const auto& entry : entries) positions.push_back(entry.*end);
  return positions;
}

/// Where others find the work as long as it goes on.
class Noted {
 public:
  Noted(TakeOver*& place, TakeOver& work) : place_(place) { place_ = &work; }
  ~Noted() { place_ = nullptr; }
  Noted(const Noted&) = delete;
  Noted& operator=(const Noted&) = delete;

 private:
  TakeOver*& place_;
};

}  // namespace

PostgresEventStore::PostgresEventStore(postgres::ConnectionPool& primary, postgres::ConnectionPool* replica,
                                       StoreMetrics& metrics, PostgresStoreSettings settings)
    : primary_(primary),
      metrics_(metrics),
      settings_(settings),
      writer_(primary, settings.timeout),
      reader_(primary, replica, settings.timeout) {}

asio::awaitable<void> PostgresEventStore::open() {
  {
    const auto deadline = after(settings_.migration_timeout);
    auto lease = co_await primary_.acquire(deadline);
    co_await check_table_shape(*lease, deadline);
    std::string component = "store";
    co_await postgres::migrate(*lease, std::move(component), event_schema(), deadline);
  }
  // Those that are open already were made before the tables were looked at.
  auto lease = co_await primary_.acquire(after(settings_.timeout));
  co_await life_keeper_->check(*lease, after(settings_.timeout));
  primary_.add_check([keeper = life_keeper_](postgres::Connection& connection, postgres::Deadline deadline) {
    return keeper->check(connection, deadline);
  });
  co_await look();
}

asio::awaitable<bool> PostgresEventStore::take_over() {
  const auto deadline = after(settings_.migration_timeout);
  auto lease = co_await primary_.acquire(deadline);
  TakeOver work(*lease, {.step = settings_.take_over_step,
                         .timeout = settings_.migration_timeout,
                         .index_payloads = settings_.index_payloads});
  const Noted noted(taking_over_, work);
  co_return co_await work.run();
}

void PostgresEventStore::stop_taking_over() {
  if (taking_over_ != nullptr) taking_over_->stop();
}

void PostgresEventStore::saw(Position head) {
  head_ = std::max(head_, head);
  life_keeper_->saw(std::max(head_, newest_));
}

asio::awaitable<Position> PostgresEventStore::look() {
  if (life_keeper_->put_back())
    throw std::runtime_error(
        "the database was put back from an older copy beneath the running service: it ends, since what it remembers is "
        "lost. Start it again");
  // While old events are numbered none of their positions is the last one.
  static const std::string sql =
      "SELECT greatest((SELECT max(position) FROM events WHERE position < h.horizon), h.numbered) FROM (SELECT " +
      std::string(horizon_sql) + " AS horizon, CASE WHEN NOT l.complete THEN " + std::to_string(first_base - 1) +
      " END AS numbered FROM eventbus_log l) h";
  Statement statement(sql);
  const auto rows = co_await run(std::move(statement));
  saw(Position{rows[0].integer(0)});
  co_return head_;
}

asio::awaitable<postgres::Rows> PostgresEventStore::run(Statement statement) {
  const auto deadline = after(settings_.timeout);
  auto lease = co_await primary_.acquire(deadline);
  co_return co_await lease->execute(std::move(statement), deadline);
}

asio::awaitable<std::vector<std::vector<Appended>>> PostgresEventStore::append(std::vector<AppendRequest> requests) {
  const Stopwatch stopwatch(metrics_.write_duration);
  auto results = co_await writer_.write(std::move(requests));
  note(results);
  co_return results;
}

void PostgresEventStore::note(std::vector<std::vector<Appended>>& results) {
  std::size_t stored = 0;
  std::size_t duplicates = 0;
  std::size_t drafts = 0;
  for (auto& request : results) {
    for (auto& appended : request) {
      ++drafts;
      lives().mark(appended.event);
      stored += appended.status == AppendStatus::stored ? 1 : 0;
      duplicates += appended.status == AppendStatus::duplicate ? 1 : 0;
      if (appended.status == AppendStatus::stored) newest_ = std::max(newest_, appended.event.position);
    }
  }
  saw(newest_ < writer_.horizon() ? newest_ : head_);
  metrics_.stored.add(static_cast<double>(stored));
  metrics_.duplicates.add(static_cast<double>(duplicates));
  metrics_.batch_size.observe(static_cast<double>(drafts));
}

asio::awaitable<std::optional<StoredEvent>> PostgresEventStore::get(std::string event_id) {
  const Stopwatch stopwatch(metrics_.query_duration);
  auto found = co_await lookup_.find(std::move(event_id));
  if (!found) co_return found;
  // The replica may show an event of a life that began since this instance last heard of the primary.
  if (reader_.has_replica() && found->position > head_) co_await look();
  lives().mark(*found);
  co_return found;
}

asio::awaitable<EventPage> PostgresEventStore::query(EventQuery query) {
  const Stopwatch stopwatch(metrics_.query_duration);
  EventPage page;
  std::size_t room = most_page_bytes;
  for (bool full = false; !full && page.events.size() < query.limit;) {
    auto part = query;
    part.limit = listing_part_.of(query.limit - page.events.size());
    ListingTaker taker(part, room);
    // Snapshots of the replica and the primary differ, so that all pages come from where the first one did.
    co_await reader_.read(listing_statement(part), taker, Source::primary);
    full = taker.full();
    listing_part_.note(part.limit, full, page.events.size() + taker.events().size());
    room -= std::min(room, taker.bytes());
    auto found = taker.page();
    std::ranges::move(found.events, std::back_inserter(page.events));
    page.next = query.cursor = found.next;
    if (!page.next) break;
  }
  lives().mark(page.events);
  if (page.next) page.next->life = lives().of(page.next->snapshot);
  co_return page;
}

asio::awaitable<EventStore::LogPage> PostgresEventStore::read_log(Position after, std::size_t limit,
                                                                  std::string type_pattern) {
  limit = log_part_.of(limit);
  LogTaker taker(after, limit);
  auto statement = log_statement(after, limit, type_pattern);
  co_await reader_.read(std::move(statement), taker, Source::primary);
  log_part_.note(limit, taker.full(), taker.events().size());
  auto page = taker.page();
  lives().mark(page.events);
  co_return page;
}

asio::awaitable<std::vector<RouteRecord>> PostgresEventStore::read_routes(Position after, std::size_t limit) {
  static const std::string sql =
      "SELECT position, timestamp, coalesce(created_at, timestamp), coalesce(exchange, 'events'), "
      "coalesce(routing_key, event_type), ordering_key FROM events WHERE position > $1 AND position < (SELECT " +
      reader_horizon_sql("$1") + " FROM eventbus_log l) ORDER BY position LIMIT $2";
  Statement statement(sql);
  statement.add(std::int64_t{after}).add(static_cast<std::int64_t>(limit));
  const auto rows = co_await run(std::move(statement));
  std::vector<RouteRecord> routes;
  routes.reserve(static_cast<std::size_t>(rows.size()));
  for (int index = 0; index < rows.size(); ++index) {
    const auto row = rows[index];
    routes.push_back({row.integer(0), row.time(1), row.time(2), std::string(row.text(3)), std::string(row.text(4)),
                      std::string(row.text(5))});
  }
  co_return routes;
}

asio::awaitable<EventStore::Found> PostgresEventStore::read_at(std::vector<Position> positions) {
  static const std::string sql =
      "SELECT " + std::string(event_columns) +
      " FROM unnest($1::bigint[]) WITH ORDINALITY AS asked (place, turn) JOIN events ON position = place ORDER BY turn";
  Statement statement(sql);
  statement.add(positions);
  EventTaker taker;
  co_await reader_.read(std::move(statement), taker, Source::primary);
  Found found{std::move(taker.events()), positions.size()};
  if (taker.full()) {
    auto place = positions.begin();
    for (const auto& event : found.events) place = std::find(place, positions.end(), event.position) + 1;
    found.asked = static_cast<std::size_t>(place - positions.begin());
  }
  lives().mark(found.events);
  co_return found;
}

/// The server is asked, since another instance may have given it a moment ago, in a life that is not known here yet.
asio::awaitable<bool> PostgresEventStore::gave(LogPlace place) {
  static const std::string sql = "SELECT " + std::string(beyond_sql) + " FROM eventbus_log l";
  Statement statement(sql);
  const auto rows = co_await run(std::move(statement));
  co_return place.position < rows[0].integer(0) && lives().gave(place);
}

asio::awaitable<std::optional<Position>> PostgresEventStore::first_at_or_after(Timestamp time) {
  Statement statement(
      "SELECT least((SELECT min(position) FROM events WHERE timestamp >= $1 AND position IS NOT NULL), "
      "(SELECT l.taken_over + 1 FROM eventbus_log l WHERE NOT l.complete AND EXISTS "
      "(SELECT FROM events WHERE timestamp >= $1 AND position IS NULL)))");
  statement.add(time);
  const auto rows = co_await run(std::move(statement));
  if (rows[0].is_null(0)) co_return std::nullopt;
  co_return rows[0].integer(0);
}

asio::awaitable<std::vector<OutboxEntry>> PostgresEventStore::advance(std::vector<OutboxEntry> confirmed,
                                                                      std::size_t limit) {
  std::vector<Statement> statements;
  if (!confirmed.empty()) {
    // Nobody waits for its flush: what comes back is relayed again.
    statements.emplace_back("SELECT set_config('synchronous_commit', 'off', true)");
    statements.emplace_back("DELETE FROM eventbus_outbox WHERE first_position = ANY ($1)");
    statements.back().add(positions_of(confirmed, &OutboxEntry::first));
  }
  statements.emplace_back(
      "SELECT first_position, last_position, stored_at FROM eventbus_outbox ORDER BY first_position LIMIT $1");
  statements.back().add(static_cast<std::int64_t>(limit));
  const auto deadline = after(settings_.timeout);
  auto lease = co_await primary_.acquire(deadline);
  const auto results = co_await lease->execute_all(std::move(statements), deadline);
  const auto& rows = results.back();
  std::vector<OutboxEntry> entries;
  entries.reserve(static_cast<std::size_t>(rows.size()));
  for (int index = 0; index < rows.size(); ++index)
    entries.push_back({rows[index].integer(0), rows[index].integer(1), rows[index].time(2)});
  co_return entries;
}

/// With a join the planner is free to read the whole log in order and look each event up among the entries, and does so
/// while the table's statistics are those of an empty one.
asio::awaitable<std::vector<StoredEvent>> PostgresEventStore::read(std::vector<OutboxEntry> entries) {
  static const std::string sql =
      "SELECT found.* FROM unnest($1::bigint[], $2::bigint[]) AS entry (first, last) "
      "CROSS JOIN LATERAL (SELECT " +
      std::string(event_columns) +
      " FROM events WHERE position BETWEEN entry.first AND entry.last "
      "ORDER BY position OFFSET 0) AS found";
  Statement statement(sql);
  statement.add(positions_of(entries, &OutboxEntry::first)).add(positions_of(entries, &OutboxEntry::last));
  const auto rows = co_await run(std::move(statement));
  std::vector<StoredEvent> events;
  events.reserve(static_cast<std::size_t>(rows.size()));
  for (int index = 0; index < rows.size(); ++index) events.push_back(read_event(rows[index]));
  std::ranges::sort(events, {}, &StoredEvent::position);
  lives().mark(events);
  co_return events;
}

asio::awaitable<std::vector<Position>> PostgresEventStore::held(std::vector<Position> positions) {
  Statement statement(
      "SELECT wanted FROM unnest($1) wanted WHERE wanted <= (SELECT last_position FROM eventbus_outbox "
      "WHERE first_position <= wanted ORDER BY first_position DESC LIMIT 1)");
  statement.add(positions);
  const auto rows = co_await run(std::move(statement));
  std::vector<Position> found;
  found.reserve(static_cast<std::size_t>(rows.size()));
  for (int index = 0; index < rows.size(); ++index) found.push_back(rows[index].integer(0));
  co_return found;
}

asio::awaitable<OutboxStats> PostgresEventStore::stats() {
  Statement statement(
      "SELECT coalesce(sum(last_position - first_position + 1), 0)::bigint, min(stored_at) FROM eventbus_outbox");
  const auto rows = co_await run(std::move(statement));
  OutboxStats stats{.pending_events = rows[0].integer(0), .oldest = std::nullopt};
  if (!rows[0].is_null(1)) stats.oldest = rows[0].time(1);
  co_return stats;
}

}  // namespace eventbus
