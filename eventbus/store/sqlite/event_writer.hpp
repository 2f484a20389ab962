#pragma once

#include <optional>
#include <string>
#include <vector>

#include "eventbus/sqlite/connection.hpp"
#include "eventbus/store/event_store.hpp"
#include "eventbus/store/sqlite/name_table.hpp"

namespace eventbus {

/// Writes append requests inside a transaction of the writer thread.
class EventWriter {
 public:
  std::vector<std::vector<Appended>> append(sqlite::Connection& connection, std::vector<AppendRequest>& requests);

 private:
  /// The earliest and latest time of the events in the block of the head.
  struct BlockTimes {
    std::int64_t earliest;
    std::int64_t latest;
    void include(std::int64_t time);
  };

  void begin(sqlite::Connection& connection);
  std::vector<Appended> append_each(sqlite::Connection& connection, AppendRequest& request);
  std::vector<Appended> append_atomic(sqlite::Connection& connection, AppendRequest& request);
  Appended append_draft(sqlite::Connection& connection, const EventDraft& draft);
  bool insert(sqlite::Connection& connection, const Event& event);
  void close_block(sqlite::Connection& connection);

  NameTable types_{"types"};
  NameTable exchanges_{"exchanges"};
  std::optional<Position> last_;
  BlockTimes times_{};
  Timestamp stored_at_{};
};

/// The largest position ever given; 0 for none.
Position largest_position(sqlite::Connection& connection);

/// The event of this id; none when unknown.
std::optional<StoredEvent> find_event(sqlite::Connection& connection, std::string_view event_id);

}  // namespace eventbus
