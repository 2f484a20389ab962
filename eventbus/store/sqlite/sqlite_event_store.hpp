#pragma once

#include "eventbus/core/random_id.hpp"
#include "eventbus/sqlite/database.hpp"
#include "eventbus/store/event_store.hpp"
#include "eventbus/store/sqlite/event_writer.hpp"
#include "eventbus/store/store_metrics.hpp"

namespace eventbus {

/// The event log in a SQLite file: one append is a job of the database's writer thread, committed together with
/// whatever else waits there; reading goes to its reader threads. Before each start the file may have been put back
/// from a copy, so that each store object is a life of the log. Both references must outlive the store; see
/// `EventStore` for the rest.
class SqliteEventStore final : public EventStore {
 public:
  /// Brings the tables up to date. Blocking; before the event loop runs. Throws as `sqlite::Database::migrate`.
  SqliteEventStore(sqlite::Database& database, StoreMetrics& metrics);

  asio::awaitable<std::vector<std::vector<Appended>>> append(std::vector<AppendRequest> requests) override;
  asio::awaitable<std::optional<StoredEvent>> get(std::string event_id) override;
  asio::awaitable<EventPage> query(EventQuery query) override;
  asio::awaitable<LogPage> read_log(Position after, std::size_t limit, std::string type_pattern) override;
  asio::awaitable<std::vector<RouteRecord>> read_routes(Position after, std::size_t limit) override;
  asio::awaitable<Found> read_at(std::vector<Position> positions) override;
  Position head() const override { return head_; }
  asio::awaitable<Position> look() override { co_return head_; }
  const LogLives& lives() const override { return lives_; }
  asio::awaitable<bool> gave(LogPlace place) override;
  asio::awaitable<std::optional<Position>> first_at_or_after(Timestamp time) override;

 private:
  void load_lives(sqlite::Connection& connection);
  void note(std::vector<std::vector<Appended>>& results);

  sqlite::Database& database_;
  StoreMetrics& metrics_;
  EventWriter writer_;  ///< Writer thread only.
  Position head_ = 0;
  LogLives lives_;  ///< The last one is ours.
  const LifeId life_ = random_id();
  Position began_ = 0;        ///< Our life gives the positions behind it.
  bool life_stored_ = false;  ///< With the first events that it gave.
};

}  // namespace eventbus
