#pragma once

#include <string_view>

#include "eventbus/postgres/statement.hpp"
#include "eventbus/store/event_store.hpp"
#include "eventbus/store/postgres/event_reader.hpp"

namespace eventbus::postgres_store {

/// The statement that reads events behind `after` up to the log's horizon: columns as `read_event`, then the horizon.
/// At least one row, whose event is NULL where there is none.
postgres::Statement log_statement(Position after, std::size_t limit, std::string_view pattern);

/// Collects the page that `log_statement` reads.
class LogTaker final : public EventTaker {
 public:
  LogTaker(Position after, std::size_t limit) : after_(after), limit_(limit) {}
  void restart() override;
  bool take(const postgres::Row& row) override;
  /// Throws `Unavailable` where events follow that have no position yet.
  EventStore::LogPage page();

 private:
  Position after_;
  std::size_t limit_;
  Position horizon_ = 0;
};

}  // namespace eventbus::postgres_store
