#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>
#include <vector>

#include "eventbus/postgres/connection_pool.hpp"
#include "eventbus/store/postgres/append_plan.hpp"

namespace eventbus::postgres_store {

/// Stores groups of requests, each in one transaction: the events by binary COPY, one row for the outbox, COMMIT, in
/// two round trips. Where an id repeats the COPY fails and the group is planned again, knowing the events that are
/// there.
class EventWriter {
 public:
  EventWriter(postgres::ConnectionPool& pool, std::chrono::milliseconds timeout) : pool_(pool), timeout_(timeout) {}

  /// Nothing of the group is stored when it throws, or, where the connection broke while the server committed, the
  /// outcome is unknown: whoever tries again with the same ids finds out.
  asio::awaitable<std::vector<std::vector<Appended>>> write(std::vector<AppendRequest> requests);
  /// What a reader may have seen of the log just after a commit: no event below appears later.
  Position horizon() const { return horizon_; }

 private:
  struct Place {
    Position first = 0;
    Timestamp stored_at{};
  };
  struct Attempt {
    std::optional<Place> place;                    ///< Where the events stand, when they were stored.
    std::optional<postgres::ServerError> failure;  ///< Why they were not.
    bool commit_sent = false;
  };

  asio::awaitable<KnownEvents> look_up(std::vector<std::string_view> ids, postgres::Deadline deadline);
  asio::awaitable<Attempt> store(const std::vector<EventPtr>& events, postgres::Deadline deadline);
  asio::awaitable<void> copy(postgres::Connection& connection, const std::vector<EventPtr>& events, Attempt& attempt,
                             postgres::Deadline deadline);

  postgres::ConnectionPool& pool_;
  std::chrono::milliseconds timeout_;
  Position horizon_ = 0;
  int expect_repeats_ = 0;  ///< Groups that look up their ids first, because others just before had repetitions.
};

}  // namespace eventbus::postgres_store
