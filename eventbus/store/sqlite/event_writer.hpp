#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "eventbus/sqlite/connection.hpp"
#include "eventbus/store/event_store.hpp"

namespace eventbus {

/// Numbers for names that repeat (event types, exchanges): a table and a bounded cache of it. Writer thread only.
class NameTable {
 public:
  explicit NameTable(std::string_view table);
  /// Forgets numbers that a roll-back took back. Call at the start of each transaction.
  void begin(sqlite::Connection& connection);
  std::int64_t number_of(sqlite::Connection& connection, std::string_view name);

 private:
  std::string largest_;
  std::string insert_;
  std::string select_;
  std::unordered_map<std::string, std::int64_t> known_;
  std::int64_t largest_known_ = 0;
};

/// Writes append requests inside a transaction of the writer thread.
class EventWriter {
 public:
  std::vector<std::vector<Appended>> append(sqlite::Connection& connection, std::vector<AppendRequest>& requests);

 private:
  std::vector<Appended> append_one(sqlite::Connection& connection, AppendRequest& request);
  std::vector<Appended> append_atomic(sqlite::Connection& connection, AppendRequest& request);
  Appended append_draft(sqlite::Connection& connection, const EventDraft& draft);
  bool insert(sqlite::Connection& connection, const Event& event);

  NameTable types_{"types"};
  NameTable exchanges_{"exchanges"};
  Position last_ = 0;
  Timestamp stored_at_{};
};

/// The event of this id; none when unknown.
std::optional<StoredEvent> find_event(sqlite::Connection& connection, std::string_view event_id);

}  // namespace eventbus
