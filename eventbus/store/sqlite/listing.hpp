#pragma once

#include <optional>
#include <vector>

#include "eventbus/sqlite/connection.hpp"
#include "eventbus/store/event_store.hpp"
#include "eventbus/store/sqlite/listing_keys.hpp"

namespace eventbus {

/// One page of a listing, read in slices so that a rare match in a large store doesn't hold a reader for long. Between
/// slices the store may grow: the snapshot keeps newer events out.
class Listing {
 public:
  explicit Listing(EventQuery query) : query_(std::move(query)) {}

  /// Reads one slice; true when the page is full or the listing complete. Reader thread.
  bool read_slice(sqlite::Connection& connection);
  EventPage take_page() { return std::move(page_); }

 private:
  void begin(sqlite::Connection& connection);
  KeySelection select(sqlite::Connection& connection) const;
  void look_for_more();
  bool examine(sqlite::Connection& connection, const ListingKey& key);
  bool matches(const Event& event) const;

  EventQuery query_;
  std::optional<ListingKeys> keys_;
  Position snapshot_ = 0;
  ListingKey place_;  ///< The last event examined.
  std::size_t wanted_ = 0;
  std::vector<ListingKey> candidates_;
  std::size_t next_candidate_ = 0;
  bool last_candidates_ = false;
  std::size_t page_bytes_ = 0;
  EventPage page_;
};

}  // namespace eventbus
