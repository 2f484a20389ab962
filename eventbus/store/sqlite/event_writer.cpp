#include "eventbus/store/sqlite/event_writer.hpp"

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "eventbus/store/sqlite/event_row.hpp"
#include "eventbus/store/sqlite/schema.hpp"

namespace eventbus {
namespace {

constexpr std::string_view insert_sql =
    "INSERT INTO events (position, event_id, timestamp, type, stored_at, exchange, routing_key, ordering_key, "
    "correlation_id, traceparent, cloudevent, payload) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12) "
    "ON CONFLICT (event_id) DO NOTHING";

void bind_unless(sqlite::Statement& row, int index, std::string_view text, std::string_view usual) {
  if (text == usual) {
    row.bind_null(index);
  } else {
    row.bind(index, text);
  }
}

}  // namespace

Position largest_position(sqlite::Connection& connection) {
  return connection.query_integer(
      "SELECT max(coalesce((SELECT max(position) FROM events), 0), (SELECT last_position FROM deleted))");
}

std::optional<StoredEvent> find_event(sqlite::Connection& connection, std::string_view event_id) {
  static const std::string sql = "SELECT " + std::string(event_columns) + " FROM events WHERE event_id = ?1";
  const IdKey key(event_id);
  auto row = connection.prepare(sql);
  key.bind(row, 1);
  if (!row.step()) return std::nullopt;
  return read_event(row);
}

void EventWriter::BlockTimes::include(std::int64_t time) {
  earliest = std::min(earliest, time);
  latest = std::max(latest, time);
}

void EventWriter::begin(sqlite::Connection& connection) {
  types_.begin(connection);
  exchanges_.begin(connection);
  stored_at_ = now();
  const auto last = largest_position(connection);
  if (last_ == last) return;
  // The first transaction, or the one before was rolled back.
  last_ = last;
  auto row = connection.prepare(
      "SELECT coalesce(min(timestamp), ?2), coalesce(max(timestamp), ?3) FROM events INDEXED BY events_time "
      "WHERE position >> 14 = ?1");
  row.bind(1, block_of(last + 1))
      .bind(2, std::numeric_limits<std::int64_t>::max())
      .bind(3, std::numeric_limits<std::int64_t>::min())
      .step();
  times_ = {row.integer(0), row.integer(1)};
}

std::vector<std::vector<Appended>> EventWriter::append(sqlite::Connection& connection,
                                                       std::vector<AppendRequest>& requests) {
  begin(connection);
  std::vector<std::vector<Appended>> results;
  results.reserve(requests.size());
  for (auto& request : requests) {
    results.push_back(request.atomic ? append_atomic(connection, request) : append_each(connection, request));
  }
  return results;
}

std::vector<Appended> EventWriter::append_each(sqlite::Connection& connection, AppendRequest& request) {
  std::vector<Appended> results;
  results.reserve(request.drafts.size());
  for (const auto& draft : request.drafts) results.push_back(append_draft(connection, draft));
  return results;
}

std::vector<Appended> EventWriter::append_atomic(sqlite::Connection& connection, AppendRequest& request) {
  std::vector<Appended> results;
  results.reserve(request.drafts.size());
  std::unordered_map<std::string_view, const Event*> earlier;
  bool conflict = false;
  for (const auto& draft : request.drafts) {
    const auto stored = find_event(connection, draft.event->event_id);
    const auto [place, first] = earlier.emplace(draft.event->event_id, draft.event.get());
    const Event* before = stored ? stored->event.get() : (first ? nullptr : place->second);
    const bool conflicts = before != nullptr && !repeats(*before, draft);
    conflict = conflict || conflicts;
    results.push_back({conflicts ? AppendStatus::conflict : AppendStatus::aborted, {0, stored_at_, draft.event}});
  }
  return conflict ? results : append_each(connection, request);
}

Appended EventWriter::append_draft(sqlite::Connection& connection, const EventDraft& draft) {
  if (insert(connection, *draft.event)) return {AppendStatus::stored, {*last_, stored_at_, draft.event}};
  auto stored = find_event(connection, draft.event->event_id);
  if (repeats(*stored.value().event, draft)) return {AppendStatus::duplicate, std::move(*stored)};
  return {AppendStatus::conflict, {0, stored_at_, draft.event}};
}

bool EventWriter::insert(sqlite::Connection& connection, const Event& event) {
  const IdKey key(event.event_id);
  const auto type = types_.number_of(connection, event.event_type);
  const auto exchange = exchanges_.number_of(connection, event.exchange);
  auto row = connection.prepare(insert_sql);
  row.bind(1, *last_ + 1);
  key.bind(row, 2);
  row.bind(3, to_micros(event.timestamp)).bind(4, type).bind(5, to_micros(stored_at_)).bind(6, exchange);
  bind_unless(row, 7, event.routing_key, event.event_type);
  row.bind_optional(8, event.ordering_key);
  bind_unless(row, 9, event.correlation_id, event.event_id);
  row.bind_optional(10, event.traceparent);
  row.bind_optional(11, event.cloudevent);
  row.bind(12, std::string_view(event.payload)).step();
  if (connection.changes() == 0) return false;
  ++*last_;
  times_.include(to_micros(event.timestamp));
  if (ends_block(*last_)) close_block(connection);
  return true;
}

void EventWriter::close_block(sqlite::Connection& connection) {
  connection.prepare("INSERT OR REPLACE INTO blocks VALUES (?1, ?2, ?3)")
      .bind(1, block_of(*last_))
      .bind(2, times_.earliest)
      .bind(3, times_.latest)
      .run();
  times_ = {std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()};
}

}  // namespace eventbus
