#include "eventbus/store/sqlite/event_writer.hpp"

#include <algorithm>

#include "eventbus/store/sqlite/event_row.hpp"

namespace eventbus {
namespace {

constexpr std::size_t most_known_names = 10'000;

}  // namespace

std::optional<StoredEvent> find_event(sqlite::Connection& connection, std::string_view event_id) {
  static const std::string sql = "SELECT " + std::string(event_columns) + " FROM events WHERE event_id = ?1";
  const IdKey key(event_id);
  auto row = connection.prepare(sql);
  key.bind(row, 1);
  if (!row.step()) return std::nullopt;
  return read_event(row);
}

NameTable::NameTable(std::string_view table)
    : largest_("SELECT coalesce(max(id), 0) FROM " + std::string(table)),
      insert_("INSERT OR IGNORE INTO " + std::string(table) + " (name) VALUES (?1)"),
      select_("SELECT id FROM " + std::string(table) + " WHERE name = ?1") {}

void NameTable::begin(sqlite::Connection& connection) {
  const auto largest = connection.query_integer(largest_);
  if (largest < largest_known_ || known_.size() > most_known_names) known_.clear();
  largest_known_ = largest;
}

std::int64_t NameTable::number_of(sqlite::Connection& connection, std::string_view name) {
  std::string key(name);
  if (const auto known = known_.find(key); known != known_.end()) return known->second;
  connection.prepare(insert_).bind(1, name).run();
  auto row = connection.prepare(select_);
  row.bind(1, name).step();
  const auto number = row.integer(0);
  largest_known_ = std::max(largest_known_, number);
  known_.emplace(std::move(key), number);
  return number;
}

std::vector<std::vector<Appended>> EventWriter::append(sqlite::Connection& connection,
                                                       std::vector<AppendRequest>& requests) {
  types_.begin(connection);
  exchanges_.begin(connection);
  last_ = connection.query_integer("SELECT max(position) FROM events");
  stored_at_ = now();
  std::vector<std::vector<Appended>> results;
  results.reserve(requests.size());
  for (auto& request : requests) {
    results.push_back(request.atomic ? append_atomic(connection, request) : append_one(connection, request));
  }
  return results;
}

std::vector<Appended> EventWriter::append_one(sqlite::Connection& connection, AppendRequest& request) {
  std::vector<Appended> results;
  results.reserve(request.drafts.size());
  for (const auto& draft : request.drafts) results.push_back(append_draft(connection, draft));
  return results;
}

std::vector<Appended> EventWriter::append_atomic(sqlite::Connection& connection, AppendRequest& request) {
  std::vector<Appended> results;
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
  return conflict ? results : append_one(connection, request);
}

Appended EventWriter::append_draft(sqlite::Connection& connection, const EventDraft& draft) {
  if (insert(connection, *draft.event)) return {AppendStatus::stored, {last_, stored_at_, draft.event}};
  auto stored = find_event(connection, draft.event->event_id);
  if (repeats(*stored.value().event, draft)) return {AppendStatus::duplicate, std::move(*stored)};
  return {AppendStatus::conflict, {0, stored_at_, draft.event}};
}

bool EventWriter::insert(sqlite::Connection& connection, const Event& event) {
  const IdKey key(event.event_id);
  const auto type = types_.number_of(connection, event.event_type);
  const auto exchange = exchanges_.number_of(connection, event.exchange);
  auto row = connection.prepare(
      "INSERT INTO events (position, event_id, timestamp, type, stored_at, exchange, routing_key, ordering_key, "
      "correlation_id, traceparent, cloudevent, payload) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12) "
      "ON CONFLICT (event_id) DO NOTHING");
  row.bind(1, last_ + 1)
      .bind(3, to_micros(event.timestamp))
      .bind(4, type)
      .bind(5, to_micros(stored_at_))
      .bind(6, exchange);
  key.bind(row, 2);
  row.bind_optional(7,
                    event.routing_key == event.event_type ? std::string_view() : std::string_view(event.routing_key));
  row.bind_optional(8, event.ordering_key);
  row.bind_optional(
      9, event.correlation_id == event.event_id ? std::string_view() : std::string_view(event.correlation_id));
  row.bind_optional(10, event.traceparent);
  row.bind_optional(11, event.cloudevent);
  row.bind(12, std::string_view(event.payload));
  row.step();
  const bool inserted = connection.changes() > 0;
  if (inserted) ++last_;
  return inserted;
}

}  // namespace eventbus
