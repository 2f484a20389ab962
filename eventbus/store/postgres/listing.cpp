#include "eventbus/store/postgres/listing.hpp"

#include "eventbus/store/postgres/event_row.hpp"
#include "eventbus/store/postgres/schema.hpp"

namespace eventbus::postgres_store {
namespace {

constexpr int snapshot_column = event_column_count;

void append_place(postgres::Statement& statement, const ListingCursor& cursor) {
  const std::string_view beyond = cursor.descending ? "<" : ">";
  // The first condition is the second one's range, said so that the index on timestamp serves it.
  statement.append(" AND timestamp ").append(beyond).append("= ").append_value(cursor.timestamp);
  statement.append(" AND (timestamp ").append(beyond).append(" ").append_value(cursor.timestamp);
  statement.append(" OR coalesce(position, 0) ").append(beyond).append(" ").append_value(cursor.position).append(")");
  statement.append(" AND (position <= ").append_value(cursor.snapshot).append(" OR position IS NULL)");
}

/// The types that a pattern's first words, up to its first wildcard, leave: the words alone, which `#` allows, and what
/// follows them behind a dot, up to the character behind the dot's.
void append_prefix(postgres::Statement& statement, std::string_view pattern) {
  const auto wildcard = pattern.find_first_of("*#");
  if (wildcard == 0) return;
  const std::string words(pattern.substr(0, wildcard - 1));
  const auto first = pattern[wildcard] == '#' ? words : words + '.';
  const auto behind = words + static_cast<char>('.' + 1);
  statement.append(" AND event_type COLLATE \"C\" >= ").append_value(std::string_view(first));
  statement.append(" AND event_type COLLATE \"C\" < ").append_value(std::string_view(behind));
}

/// ASCII that may mean something in a regular expression; a backslash before any other character would, too.
bool needs_escape(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x80 && std::isalnum(byte) == 0 && c != '-' && c != '_';
}

}  // namespace

std::string topic_regex(std::string_view pattern) {
  std::string regex = "^";
  while (true) {
    const auto word = pattern.substr(0, pattern.find('.'));
    if (word == "*") {
      regex += "\\.[^.]+";
    } else if (word == "#") {
      regex += "(\\.[^.]+)*";
    } else {
      regex += "\\.";
      for (const char c : word) regex.append(needs_escape(c) ? "\\" : "") += c;
    }
    if (word.size() == pattern.size()) return regex + '$';
    pattern.remove_prefix(word.size() + 1);
  }
}

void append_type_condition(postgres::Statement& statement, std::string_view pattern) {
  if (pattern.empty() || pattern == "#") return;
  if (pattern.find_first_of("*#") == std::string_view::npos) {
    statement.append(" AND event_type = ").append_value(pattern);
    return;
  }
  append_prefix(statement, pattern);
  statement.append(" AND '.' || event_type ~ ").append_value(std::string_view(topic_regex(pattern)));
}

postgres::Statement listing_statement(const EventQuery& query) {
  postgres::Statement statement("SELECT ");
  statement.append(event_columns).append(", (SELECT ").append(last_sql()).append(" FROM eventbus_log l)");
  statement.append(" FROM events WHERE true");
  if (query.start_time) statement.append(" AND timestamp >= ").append_value(*query.start_time);
  if (query.end_time) statement.append(" AND timestamp <= ").append_value(*query.end_time);
  append_type_condition(statement, query.event_type);
  if (!query.ordering_key.empty()) {
    statement.append(" AND hashtextextended(ordering_key, 0) = hashtextextended(");
    statement.append_value(std::string_view(query.ordering_key)).append("::varchar COLLATE \"C\", 0)");
    statement.append(" AND ordering_key = ").append_value(std::string_view(query.ordering_key));
  }
  if (!query.correlation_id.empty()) {
    statement.append(" AND (correlation_id = ").append_value(std::string_view(query.correlation_id));
    statement.append(" OR correlation_id IS NULL AND event_id = ");
    statement.append_value(std::string_view(query.correlation_id)).append(")");
  }
  if (query.payload)
    statement.append(" AND payload @> ").append_value(std::string_view(query.payload->text())).append("::jsonb");
  if (query.cursor) append_place(statement, *query.cursor);
  const std::string_view direction = query.descending ? " DESC" : "";
  statement.append(" ORDER BY timestamp").append(direction).append(", coalesce(position, 0)").append(direction);
  statement.append(" LIMIT ").append_value(static_cast<std::int64_t>(query.limit) + 1);
  statement.planned_each_time();
  return statement;
}

void ListingTaker::restart() {
  EventTaker::restart();
  more_ = false;
}

bool ListingTaker::take(const postgres::Row& row) {
  if (events().size() == query_.limit || full()) {
    more_ = true;
    return false;
  }
  snapshot_ = query_.cursor ? query_.cursor->snapshot : row.integer(snapshot_column);
  EventTaker::take(row);
  return true;
}

EventPage ListingTaker::page() {
  EventPage page{std::move(events()), std::nullopt};
  if (more_)
    page.next =
        ListingCursor{page.events.back().event->timestamp, page.events.back().position, snapshot_, query_.descending};
  return page;
}

}  // namespace eventbus::postgres_store
