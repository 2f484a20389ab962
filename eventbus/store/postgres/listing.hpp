#pragma once

#include <string_view>

#include "eventbus/postgres/statement.hpp"
#include "eventbus/store/event_store.hpp"
#include "eventbus/store/postgres/event_reader.hpp"

namespace eventbus::postgres_store {

/// The statement that reads one page of a listing: columns as `read_event`, then the snapshot, one row more than the
/// limit where there are more.
postgres::Statement listing_statement(const EventQuery& query);

/// Appends " AND …" for events whose type matches the topic pattern; nothing for patterns that match everything.
void append_type_condition(postgres::Statement& statement, std::string_view pattern);

/// The pattern as a regular expression over '.' and the type, so that each word has its dot before it.
std::string topic_regex(std::string_view pattern);

/// Collects the page that `listing_statement` reads.
class ListingTaker final : public EventTaker {
 public:
  ListingTaker(const EventQuery& query, std::size_t room) : EventTaker(room), query_(query) {}
  void restart() override;
  bool take(const postgres::Row& row) override;
  EventPage page();

 private:
  const EventQuery& query_;
  Position snapshot_ = 0;
  bool more_ = false;
};

}  // namespace eventbus::postgres_store
