#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "eventbus/sqlite/connection.hpp"
#include "eventbus/store/event_store.hpp"

namespace eventbus {

/// The place of an event in a listing; times in microseconds since 1970.
struct ListingKey {
  std::int64_t timestamp = 0;
  Position position = 0;
  auto operator<=>(const ListingKey&) const = default;
};

/// Which events a listing may show. What it can't express (payloads, further conditions) is the listing's to filter.
struct KeySelection {
  enum class By : std::uint8_t { time, type, ordering_key, correlation_id } by = By::time;
  std::vector<std::int64_t> types;  ///< By type: their numbers, sorted.
  std::string text;                 ///< By ordering key or correlation id.
  std::optional<ListingKey> also;   ///< One more event: the one whose id is the correlation id.
  std::int64_t earliest = std::numeric_limits<std::int64_t>::min();
  std::int64_t latest = std::numeric_limits<std::int64_t>::max();
  Position snapshot = 0;  ///< Nothing behind it.
  bool descending = false;
};

/// The statement that reads timestamp and position (and type, by time or type) of one range in the order of time: block
/// ?1, times from ?2 to ?3, key ?4.
const std::string& listing_range_sql(KeySelection::By by, bool descending);

/// Finds the first keys of a selection in the order of the listing. Visits the blocks whose times can matter and keeps
/// the best keys in a heap; once that is full, blocks and ranges beyond its worst key are not read. In a log whose
/// times mostly grow that is one block or two.
class ListingKeys {
 public:
  ListingKeys(sqlite::Connection& connection, KeySelection selection);

  /// Begins to look for the first `wanted` keys behind `after`.
  void restart(ListingKey after, std::size_t wanted);
  /// Visits blocks until `budget` keys were read; true when the keys are complete.
  bool advance(sqlite::Connection& connection, std::int64_t& budget);
  /// The keys found, in order.
  std::vector<ListingKey> take();

  /// Before every key.
  static ListingKey beginning(bool descending);

 private:
  struct Block {
    std::int64_t id;
    std::int64_t earliest;
    std::int64_t latest;
  };

  void load_blocks(sqlite::Connection& connection);
  bool before(const ListingKey& a, const ListingKey& b) const { return selection_.descending ? b < a : a < b; }
  bool full() const { return heap_.size() == wanted_; }
  bool beyond_worst(std::int64_t timestamp) const;
  bool offer(const ListingKey& key);
  void visit(sqlite::Connection& connection, const Block& block, std::int64_t& budget);
  void read_range(sqlite::Statement& row, const Block& block, std::int64_t& budget);

  KeySelection selection_;
  std::vector<Block> blocks_;  ///< In the order of the listing.
  std::size_t next_block_ = 0;
  ListingKey after_;
  std::size_t wanted_ = 0;
  std::vector<ListingKey> heap_;  ///< The worst key on top.
};

}  // namespace eventbus
