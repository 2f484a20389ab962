#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>

#include "eventbus/postgres/connection_pool.hpp"
#include "eventbus/postgres/statement.hpp"
#include "eventbus/store/event_store.hpp"
#include "eventbus/store/page_budget.hpp"
#include "eventbus/store/postgres/event_row.hpp"

namespace eventbus::postgres_store {

/// Takes the rows of a query one by one.
class RowTaker {
 public:
  virtual ~RowTaker() = default;
  virtual void restart() = 0;                       ///< Forget what was taken: the query begins again elsewhere.
  virtual bool take(const postgres::Row& row) = 0;  ///< False: the rest is not wanted.
};

/// Takes events (columns as `read_event`) until their payloads fill the memory meant for a page.
class EventTaker : public RowTaker {
 public:
  explicit EventTaker(std::size_t room = most_page_bytes) : room_(room) {}
  void restart() override;
  bool take(const postgres::Row& row) override;
  std::size_t bytes() const { return bytes_; }
  bool full() const { return full_; }  ///< There may be more events than were taken.
  std::vector<StoredEvent>& events() { return events_; }

 private:
  std::size_t room_;
  std::vector<StoredEvent> events_;
  std::size_t bytes_ = 0;
  bool full_ = false;
};

/// Runs queries on the read replica, where there is one, else on the primary; falls back to the primary when the
/// replica fails, and tries the primary once more when a connection turns out broken.
class EventReader {
 public:
  enum class Source : std::uint8_t { any, primary };

  EventReader(postgres::ConnectionPool& primary, postgres::ConnectionPool* replica, std::chrono::milliseconds timeout)
      : primary_(primary), replica_(replica), timeout_(timeout) {}

  asio::awaitable<void> read(postgres::Statement statement, RowTaker& taker, Source source);
  bool has_replica() const { return replica_ != nullptr; }

 private:
  asio::awaitable<void> read_from(postgres::ConnectionPool& pool, postgres::Statement statement, RowTaker& taker,
                                  postgres::Deadline deadline);

  postgres::ConnectionPool& primary_;
  postgres::ConnectionPool* replica_;
  std::chrono::milliseconds timeout_;
};

}  // namespace eventbus::postgres_store
