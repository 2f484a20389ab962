#include "eventbus/store/sqlite/listing.hpp"

#include <fmt/format.h>

#include <limits>

#include "eventbus/core/topic.hpp"
#include "eventbus/store/sqlite/event_row.hpp"

namespace eventbus {
namespace {

constexpr int slice_rows = 5000;
constexpr std::size_t most_merged_types = 32;
constexpr int first_type_parameter = 10;

bool has_wildcard(std::string_view pattern) {
  return pattern.find_first_of("*#") != std::string_view::npos;
}
bool matches_everything(std::string_view pattern) {
  return pattern.empty() || pattern == "#";
}

std::vector<std::int64_t> matching_types(sqlite::Connection& connection, const std::string& pattern) {
  std::vector<std::int64_t> types;
  if (!has_wildcard(pattern)) {
    auto row = connection.prepare("SELECT id FROM types WHERE name = ?1");
    if (row.bind(1, std::string_view(pattern)).step()) types.push_back(row.integer(0));
    return types;
  }
  auto row = connection.prepare("SELECT id, name FROM types");
  while (row.step()) {
    if (topic_matches(pattern, row.text(1))) types.push_back(row.integer(0));
  }
  return types;
}

}  // namespace

Listing::Listing(EventQuery query) : query_(std::move(query)) {
  if (query_.cursor) {
    place_ = *query_.cursor;
    return;
  }
  constexpr auto lowest = std::numeric_limits<std::int64_t>::min();
  constexpr auto highest = std::numeric_limits<std::int64_t>::max();
  place_.descending = query_.descending;
  place_.timestamp = from_micros(query_.descending ? highest : lowest);
  place_.position = query_.descending ? highest : 0;
}

std::string Listing::range(std::string_view condition) const {
  const auto beyond = query_.descending ? "<" : ">";
  return fmt::format(
      "SELECT timestamp, position FROM events WHERE {} timestamp >= ?1 AND timestamp <= ?2 AND "
      "(timestamp, position) {} (?3, ?4) AND position <= ?5",
      condition, beyond);
}

Listing::Plan Listing::make_plan(sqlite::Connection& connection) const {
  Plan plan;
  if (!query_.correlation_id.empty()) {
    plan.sql = range("correlation_id = ?6 AND") + " UNION ALL " + range("event_id = ?7 AND correlation_id IS NULL AND");
  } else if (!query_.ordering_key.empty()) {
    plan.sql = range("ordering_key = ?6 AND");
  } else if (!matches_everything(query_.event_type)) {
    plan.types = matching_types(connection, query_.event_type);
    plan.exhausted = plan.types.empty();
    if (plan.types.size() > most_merged_types) plan.types.clear();
    for (std::size_t index = 0; index < plan.types.size(); ++index) {
      if (index > 0) plan.sql += " UNION ALL ";
      plan.sql += range(fmt::format("type = ?{} AND", first_type_parameter + static_cast<int>(index)));
    }
  }
  if (plan.sql.empty()) plan.sql = range("");
  plan.sql += query_.descending ? " ORDER BY timestamp DESC, position DESC" : " ORDER BY timestamp, position";
  return plan;
}

void Listing::bind(sqlite::Statement& keys, const Plan& plan) const {
  constexpr auto lowest = std::numeric_limits<std::int64_t>::min();
  constexpr auto highest = std::numeric_limits<std::int64_t>::max();
  keys.bind(1, query_.start_time ? to_micros(*query_.start_time) : lowest);
  keys.bind(2, query_.end_time ? to_micros(*query_.end_time) : highest);
  keys.bind(3, to_micros(place_.timestamp)).bind(4, place_.position).bind(5, place_.snapshot);
  if (!query_.correlation_id.empty()) {
    keys.bind(6, std::string_view(query_.correlation_id));
  } else if (!query_.ordering_key.empty()) {
    keys.bind(6, std::string_view(query_.ordering_key));
  }
  for (std::size_t index = 0; index < plan.types.size(); ++index) {
    keys.bind(first_type_parameter + static_cast<int>(index), plan.types[index]);
  }
}

bool Listing::matches(const StoredEvent& stored) const {
  const auto& event = *stored.event;
  return (matches_everything(query_.event_type) || topic_matches(query_.event_type, event.event_type)) &&
         (query_.ordering_key.empty() || event.ordering_key == query_.ordering_key) &&
         (query_.correlation_id.empty() || event.correlation_id == query_.correlation_id) &&
         (!query_.payload || query_.payload->contained_in(event.payload));
}

bool Listing::read_slice(sqlite::Connection& connection) {
  if (!started_ && !query_.cursor) place_.snapshot = connection.query_integer("SELECT max(position) FROM events");
  started_ = true;
  const auto plan = make_plan(connection);
  if (plan.exhausted) return true;
  static const std::string fetch = "SELECT " + std::string(event_columns) + " FROM events WHERE position = ?1";
  const IdKey correlated(query_.correlation_id);
  auto keys = connection.prepare(plan.sql);
  bind(keys, plan);
  if (!query_.correlation_id.empty()) correlated.bind(keys, 7);
  for (int row = 0; row < slice_rows; ++row) {
    if (!keys.step()) return true;
    auto event = connection.prepare(fetch);
    event.bind(1, keys.integer(1)).step();
    auto stored = read_event(event);
    if (matches(stored)) {
      if (page_.events.size() == query_.limit) {
        page_.next = place_;
        return true;
      }
      page_.events.push_back(std::move(stored));
    }
    place_.timestamp = from_micros(keys.integer(0));
    place_.position = keys.integer(1);
  }
  return false;
}

}  // namespace eventbus
