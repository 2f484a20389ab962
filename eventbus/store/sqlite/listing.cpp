#include "eventbus/store/sqlite/listing.hpp"

#include <algorithm>

#include "eventbus/core/topic.hpp"
#include "eventbus/store/page_budget.hpp"
#include "eventbus/store/sqlite/event_row.hpp"
#include "eventbus/store/sqlite/event_writer.hpp"

namespace eventbus {
namespace {

/// Keys and rows read in one go, some milliseconds: queries of one event wait behind it.
constexpr std::int64_t slice = 2000;
constexpr std::size_t filtered_at_once = 1000;

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
  auto row = connection.prepare("SELECT id, name FROM types ORDER BY id");
  while (row.step()) {
    if (topic_matches(pattern, row.text(1))) types.push_back(row.integer(0));
  }
  return types;
}

std::optional<ListingKey> event_that_correlates_itself(sqlite::Connection& connection, std::string_view event_id) {
  const IdKey key(event_id);
  auto row =
      connection.prepare("SELECT timestamp, position FROM events WHERE event_id = ?1 AND correlation_id IS NULL");
  key.bind(row, 1);
  if (!row.step()) return std::nullopt;
  return ListingKey{row.integer(0), row.integer(1)};
}

}  // namespace

KeySelection Listing::select(sqlite::Connection& connection) const {
  KeySelection selection;
  selection.snapshot = snapshot_;
  selection.descending = query_.descending;
  if (query_.start_time) selection.earliest = to_micros(*query_.start_time);
  if (query_.end_time) selection.latest = to_micros(*query_.end_time);
  if (!query_.correlation_id.empty()) {
    selection.by = KeySelection::By::correlation_id;
    selection.text = query_.correlation_id;
    selection.also = event_that_correlates_itself(connection, query_.correlation_id);
  } else if (!query_.ordering_key.empty()) {
    selection.by = KeySelection::By::ordering_key;
    selection.text = query_.ordering_key;
  } else if (!matches_everything(query_.event_type)) {
    selection.by = KeySelection::By::type;
    selection.types = matching_types(connection, query_.event_type);
  }
  return selection;
}

void Listing::begin(sqlite::Connection& connection) {
  const auto head = largest_position(connection);
  snapshot_ = query_.cursor ? std::min(query_.cursor->snapshot, head) : head;
  place_ = query_.cursor ? ListingKey{to_micros(query_.cursor->timestamp), query_.cursor->position}
                         : ListingKeys::beginning(query_.descending);
  auto selection = select(connection);
  const int conditions = (query_.correlation_id.empty() ? 0 : 1) + (query_.ordering_key.empty() ? 0 : 1) +
                         (matches_everything(query_.event_type) ? 0 : 1);
  const bool filtered = query_.payload || conditions > 1;
  wanted_ = std::max(query_.limit + 1, filtered ? filtered_at_once : 0);
  last_candidates_ = selection.by == KeySelection::By::type && selection.types.empty();
  keys_.emplace(connection, std::move(selection));
  keys_->restart(place_, wanted_);
}

bool Listing::read_slice(sqlite::Connection& connection) {
  if (!keys_) begin(connection);
  for (std::int64_t budget = slice; budget > 0; --budget) {
    if (next_candidate_ == candidates_.size()) {
      if (last_candidates_) return true;
      if (!keys_->advance(connection, budget)) return false;
      look_for_more();
      if (candidates_.empty()) return true;
    }
    if (examine(connection, candidates_[next_candidate_++])) return true;
  }
  return false;
}

void Listing::look_for_more() {
  candidates_ = keys_->take();
  next_candidate_ = 0;
  last_candidates_ = candidates_.size() < wanted_;
  if (!last_candidates_) keys_->restart(candidates_.back(), wanted_);
}

bool Listing::examine(sqlite::Connection& connection, const ListingKey& key) {
  static const std::string sql = "SELECT " + std::string(event_columns) + " FROM events WHERE position = ?1";
  auto row = connection.prepare(sql);
  if (row.bind(1, key.position).step() && (!query_.payload || query_.payload->contained_in(payload_of(row)))) {
    auto stored = read_event(row);
    if (matches(*stored.event)) {
      if (page_.events.size() == query_.limit || page_bytes_ >= most_page_bytes) {
        page_.next = ListingCursor{from_micros(place_.timestamp), place_.position, snapshot_, query_.descending};
        return true;
      }
      page_bytes_ += page_bytes(*stored.event);
      page_.events.push_back(std::move(stored));
    }
  }
  place_ = key;
  return false;
}

bool Listing::matches(const Event& event) const {
  return (matches_everything(query_.event_type) || topic_matches(query_.event_type, event.event_type)) &&
         (query_.ordering_key.empty() || event.ordering_key == query_.ordering_key) &&
         (query_.correlation_id.empty() || event.correlation_id == query_.correlation_id);
}

}  // namespace eventbus
