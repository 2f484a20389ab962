#include "eventbus/store/sqlite/listing_keys.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "eventbus/store/sqlite/schema.hpp"

namespace eventbus {
namespace {

constexpr auto lowest = std::numeric_limits<std::int64_t>::min();
constexpr auto highest = std::numeric_limits<std::int64_t>::max();
/// More types than this: reading the times of a whole block is cheaper than a range for each.
constexpr std::size_t most_type_ranges = 256;

std::string range_sql(std::string_view columns, std::string_view index, std::string_view condition, bool descending) {
  return fmt::format(
      "SELECT {} FROM events INDEXED BY {} WHERE position >> 14 = ?1{} AND timestamp >= ?2 AND timestamp <= ?3 "
      "ORDER BY timestamp{}",
      columns, index, condition, descending ? " DESC" : "");
}

}  // namespace

const std::string& listing_range_sql(KeySelection::By by, bool descending) {
  static const auto both = [](std::string_view columns, std::string_view index, std::string_view condition) {
    return std::array{range_sql(columns, index, condition, false), range_sql(columns, index, condition, true)};
  };
  static const std::array texts{both("timestamp, position, type", "events_time", ""),
                                both("timestamp, position, type", "events_type", " AND type = ?4"),
                                both("timestamp, position", "events_ordering_key", " AND ordering_key = ?4"),
                                both("timestamp, position", "events_correlation", " AND correlation_id = ?4")};
  return texts.at(static_cast<std::size_t>(by)).at(descending ? 1 : 0);
}

ListingKeys::ListingKeys(sqlite::Connection& connection, KeySelection selection) : selection_(std::move(selection)) {
  load_blocks(connection);
}

ListingKey ListingKeys::beginning(bool descending) {
  return descending ? ListingKey{highest, highest} : ListingKey{lowest, 0};
}

void ListingKeys::load_blocks(sqlite::Connection& connection) {
  const auto last = block_of(selection_.snapshot);
  const auto newest_full = connection.query_integer("SELECT coalesce(max(id), -1) FROM blocks");
  for (auto id = newest_full + 1; id <= last; ++id) blocks_.push_back({id, lowest, highest});
  auto row =
      connection.prepare("SELECT id, earliest, latest FROM blocks WHERE id <= ?1 AND latest >= ?2 AND earliest <= ?3");
  row.bind(1, last).bind(2, selection_.earliest).bind(3, selection_.latest);
  while (row.step()) blocks_.push_back({row.integer(0), row.integer(1), row.integer(2)});
  if (selection_.descending) {
    std::ranges::sort(blocks_, std::greater(), &Block::latest);
  } else {
    std::ranges::sort(blocks_, std::less(), &Block::earliest);
  }
}

void ListingKeys::restart(ListingKey after, std::size_t wanted) {
  after_ = after;
  wanted_ = wanted;
  next_block_ = 0;
  heap_.clear();
  if (selection_.also) offer(*selection_.also);
}

bool ListingKeys::advance(sqlite::Connection& connection, std::int64_t& budget) {
  while (next_block_ < blocks_.size()) {
    if (budget <= 0) return false;
    const auto& block = blocks_[next_block_++];
    const bool passed = selection_.descending ? block.earliest > after_.timestamp : block.latest < after_.timestamp;
    if (passed) continue;
    if (beyond_worst(selection_.descending ? block.latest : block.earliest)) break;
    visit(connection, block, budget);
  }
  return true;
}

std::vector<ListingKey> ListingKeys::take() {
  std::ranges::sort(heap_, [this](const auto& a, const auto& b) { return before(a, b); });
  return std::exchange(heap_, {});
}

bool ListingKeys::beyond_worst(std::int64_t timestamp) const {
  if (!full()) return false;
  return selection_.descending ? timestamp < heap_.front().timestamp : timestamp > heap_.front().timestamp;
}

bool ListingKeys::offer(const ListingKey& key) {
  if (!before(after_, key) || key.position > selection_.snapshot) return false;
  if (key.timestamp < selection_.earliest || key.timestamp > selection_.latest) return false;
  const auto order = [this](const auto& a, const auto& b) { return before(a, b); };
  if (full()) {
    if (!before(key, heap_.front())) return false;
    std::ranges::pop_heap(heap_, order);
    heap_.pop_back();
  }
  heap_.push_back(key);
  std::ranges::push_heap(heap_, order);
  return true;
}

void ListingKeys::visit(sqlite::Connection& connection, const Block& block, std::int64_t& budget) {
  const bool by_type = selection_.by == KeySelection::By::type;
  const bool many_types = by_type && selection_.types.size() > most_type_ranges;
  auto row =
      connection.prepare(listing_range_sql(many_types ? KeySelection::By::time : selection_.by, selection_.descending));
  if (by_type && !many_types) {
    for (const auto type : selection_.types) {
      row.bind(4, type);
      read_range(row, block, budget);
    }
    return;
  }
  if (selection_.by != KeySelection::By::time && !many_types) row.bind(4, std::string_view(selection_.text));
  read_range(row, block, budget);
}

void ListingKeys::read_range(sqlite::Statement& row, const Block& block, std::int64_t& budget) {
  auto earliest = selection_.earliest;
  auto latest = selection_.latest;
  if (selection_.descending) {
    latest = std::min(latest, after_.timestamp);
    if (full()) earliest = std::max(earliest, heap_.front().timestamp);
  } else {
    earliest = std::max(earliest, after_.timestamp);
    if (full()) latest = std::min(latest, heap_.front().timestamp);
  }
  const bool filter_types = !selection_.types.empty();
  row.bind(1, block.id).bind(2, earliest).bind(3, latest);
  for (--budget; row.step(); --budget) {
    const ListingKey key{row.integer(0), row.integer(1)};
    if (beyond_worst(key.timestamp)) break;
    if (!filter_types || std::ranges::binary_search(selection_.types, row.integer(2))) offer(key);
  }
  row.rewind();
}

}  // namespace eventbus
