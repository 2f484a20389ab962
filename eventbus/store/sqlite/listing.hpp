#pragma once

#include <optional>
#include <string>
#include <vector>

#include "eventbus/sqlite/connection.hpp"
#include "eventbus/store/event_store.hpp"

namespace eventbus {

/// One page of a listing, read in slices so that a rare match in a large store doesn't hold a reader for long.
class Listing {
 public:
  explicit Listing(EventQuery query);

  /// Reads one slice; true when the page is full or the listing complete. Reader thread.
  bool read_slice(sqlite::Connection& connection);
  EventPage take_page() { return std::move(page_); }

 private:
  /// Where the keys of candidate events come from: one ordered range of one index, or several merged.
  struct Plan {
    std::string sql;
    std::vector<std::int64_t> types;
    bool exhausted = false;
  };

  Plan make_plan(sqlite::Connection& connection) const;
  std::string range(std::string_view condition) const;
  void bind(sqlite::Statement& keys, const Plan& plan) const;
  bool matches(const StoredEvent& stored) const;

  EventQuery query_;
  ListingCursor place_;
  bool started_ = false;
  EventPage page_;
};

}  // namespace eventbus
