#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "eventbus/core/part_size.hpp"
#include "eventbus/postgres/connection_pool.hpp"
#include "eventbus/store/event_store.hpp"
#include "eventbus/store/outbox.hpp"
#include "eventbus/store/postgres/event_lookup.hpp"
#include "eventbus/store/postgres/event_reader.hpp"
#include "eventbus/store/postgres/event_writer.hpp"
#include "eventbus/store/postgres/life_keeper.hpp"
#include "eventbus/store/postgres/take_over.hpp"
#include "eventbus/store/store_metrics.hpp"

namespace eventbus {

struct PostgresStoreSettings {
  /// For one operation, waiting for a connection included: longer than the server's statement_timeout, whose error
  /// says what to do, keeps the connection and is no sign of a server that is away.
  std::chrono::milliseconds timeout{40'000};
  /// For preparing the tables at start, and each step of taking over a table.
  std::chrono::milliseconds migration_timeout{120'000};
  /// Rows that are numbered in one transaction when a table of an earlier service is taken over. Higher: sooner done;
  /// lower: shorter locks.
  std::int64_t take_over_step = 2'000;
  /// An index for payload conditions of queries. Costs each append time, and space: see docs/sizing.md.
  bool index_payloads = false;
};

/// The event log and its outbox in PostgreSQL, shared by any number of instances. Each append is one transaction: the
/// events and one outbox entry. See docs/adr/0006 for positions. For the event-loop thread; the references must outlive
/// the store.
class PostgresEventStore final : public EventStore, public Outbox {
 public:
  /// `replica` may be null.
  PostgresEventStore(postgres::ConnectionPool& primary, postgres::ConnectionPool* replica, StoreMetrics& metrics,
                     PostgresStoreSettings settings);

  /// Brings the tables up to date; first of all operations. From then on each new connection of the primary looks
  /// whether the database may have been put back from a copy. Throws `Unavailable`.
  asio::awaitable<void> open();
  /// Gives positions and our indexes to the events that an earlier service stored, in small steps while everything
  /// else goes on, and builds the index of payloads where it is wanted. Meanwhile who reads the log from before
  /// `first_base` gets what is numbered, then `Unavailable`. True: nothing is left. False, at once: another instance is
  /// at it; ask again, it may die. May be ended at any time and begun again. Throws `Unavailable`.
  asio::awaitable<bool> take_over();
  /// Ends a `take_over` that is under way, which throws then.
  void stop_taking_over();
  /// Looks at how far the log goes, other instances' events included, and returns the new head. `head` is as old as
  /// the last look or append here: call it about every 20 ms while somebody follows the log. Throws std::runtime_error,
  /// and everything else `Unavailable`, once the database was put back from a copy that lacks what this instance has
  /// seen: what it remembers is of a log that is lost, so that the process has to end.
  asio::awaitable<Position> look() override;

  asio::awaitable<std::vector<std::vector<Appended>>> append(std::vector<AppendRequest> requests) override;
  asio::awaitable<std::optional<StoredEvent>> get(std::string event_id) override;
  asio::awaitable<EventPage> query(EventQuery query) override;
  asio::awaitable<LogPage> read_log(Position after, std::size_t limit, std::string type_pattern) override;
  asio::awaitable<std::vector<RouteRecord>> read_routes(Position after, std::size_t limit) override;
  asio::awaitable<Found> read_at(std::vector<Position> positions) override;
  Position head() const override { return head_; }
  const LogLives& lives() const override { return life_keeper_->lives(); }
  asio::awaitable<bool> gave(LogPlace place) override;
  asio::awaitable<std::optional<Position>> first_at_or_after(Timestamp time) override;

  asio::awaitable<std::vector<OutboxEntry>> advance(std::vector<OutboxEntry> confirmed, std::size_t limit) override;
  asio::awaitable<std::vector<StoredEvent>> read(std::vector<OutboxEntry> entries) override;
  asio::awaitable<std::vector<Position>> held(std::vector<Position> positions) override;
  asio::awaitable<OutboxStats> stats() override;

 private:
  asio::awaitable<postgres::Rows> run(postgres::Statement statement);
  void note(std::vector<std::vector<Appended>>& results);
  void saw(Position head);

  postgres::ConnectionPool& primary_;
  StoreMetrics& metrics_;
  PostgresStoreSettings settings_;
  postgres_store::EventWriter writer_;
  postgres_store::EventReader reader_;
  postgres_store::EventLookup lookup_{reader_};
  std::shared_ptr<postgres_store::LifeKeeper> life_keeper_ = std::make_shared<postgres_store::LifeKeeper>();
  postgres_store::TakeOver* taking_over_ = nullptr;
  // A statement that is left in the middle costs its connection.
  PartSize listing_part_;
  PartSize log_part_;
  Position newest_ = 0;  ///< The largest position stored here.
  Position head_ = 0;
};

}  // namespace eventbus
