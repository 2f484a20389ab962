#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "eventbus/core/error.hpp"
#include "eventbus/core/event.hpp"
#include "eventbus/library/event_replay.hpp"

/// Stores of events for programs. In a namespace of its own because the service has classes of the same names inside;
/// `eventbus.hpp` names these `eventbus::EventStore` and so on.
namespace eventbus::api {

/// A durable log of events: what is stored is on disk before the call returns. Each operation exists twice: one that
/// blocks, and one with the prefix `async_` to be awaited on any executor. All may be called from any thread, many at a
/// time; none throws: a database that fails is the error `unavailable`, and works again when it recovers. Must outlive
/// its operations and replays.
class EventStore {
 public:
  EventStore(const EventStore&) = delete;
  EventStore& operator=(const EventStore&) = delete;
  virtual ~EventStore();

  /// Makes the tables, or brings them up to date; existing events stay. First of all operations. Idempotent.
  Result<void> initialize_schema();
  asio::awaitable<Result<void>> async_initialize_schema();

  /// True: stored. False: an event with this id and the same content is there already. Errors: those of `make_event`;
  /// `conflict` when the id is taken by other content.
  Result<bool> store_event(Event event);
  asio::awaitable<Result<bool>> async_store_event(Event event);

  /// All in one transaction, or none; how many were new. Errors: those of `store_event` for the first event at fault.
  Result<std::size_t> store_events(std::vector<Event> events);
  asio::awaitable<Result<std::size_t>> async_store_events(std::vector<Event> events);

  /// None when there is no such event.
  Result<std::optional<StoredEvent>> get_event_by_id(std::string event_id);
  asio::awaitable<Result<std::optional<StoredEvent>>> async_get_event_by_id(std::string event_id);

  /// At most `limit` events by timestamp, then arrival. Both ends are inclusive, none leaves it open. `event_type` is a
  /// topic pattern (`user.*`, `order.#`), empty matches all.
  Result<std::vector<StoredEvent>> replay_events(std::optional<Timestamp> start_time, std::optional<Timestamp> end_time,
                                                 std::string event_type = {}, std::size_t limit = 1000);
  asio::awaitable<Result<std::vector<StoredEvent>>> async_replay_events(std::optional<Timestamp> start_time,
                                                                        std::optional<Timestamp> end_time,
                                                                        std::string event_type = {},
                                                                        std::size_t limit = 1000);
  /// Any number of events, page by page in constant memory.
  EventReplay replay(ReplayFilter filter = {});

 protected:
  struct Impl;
  explicit EventStore(std::unique_ptr<Impl> impl);

 private:
  std::unique_ptr<Impl> impl_;
};

/// The event log in PostgreSQL 15 or later. Its table may be that of a running service, which then delivers what is
/// stored here: event and outbox entry are one transaction.
class PostgreSQLEventStore : public EventStore {
 public:
  /// `url` as in DATABASE_URL: postgresql://user:password@host:5432/database. Connects when first used, at most
  /// `connections` at a time.
  explicit PostgreSQLEventStore(std::string url, std::size_t connections = 4);
};

/// The event log in a file `eventbus.db` of a directory, which is made if missing and belongs to one process at a time.
class SqliteEventStore : public EventStore {
 public:
  explicit SqliteEventStore(std::filesystem::path directory);
};

}  // namespace eventbus::api
