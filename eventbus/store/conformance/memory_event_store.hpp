#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "eventbus/store/event_store.hpp"

namespace eventbus {

/// The port's meaning in the fewest lines: a vector. The reference that adapters are compared with, and a store for
/// tests of other modules. Not durable. One thread.
class MemoryEventStore final : public EventStore {
 public:
  asio::awaitable<std::vector<std::vector<Appended>>> append(std::vector<AppendRequest> requests) override;
  asio::awaitable<std::optional<StoredEvent>> get(std::string event_id) override;
  asio::awaitable<EventPage> query(EventQuery query) override;
  asio::awaitable<LogPage> read_log(Position after, std::size_t limit, std::string type_pattern) override;
  asio::awaitable<std::vector<RouteRecord>> read_routes(Position after, std::size_t limit) override;
  asio::awaitable<Found> read_at(std::vector<Position> positions) override;
  Position head() const override { return static_cast<Position>(log_.size()); }
  asio::awaitable<Position> look() override { co_return head(); }
  const LogLives& lives() const override { return lives_; }
  asio::awaitable<bool> gave(LogPlace place) override { co_return place.position <= head() && place.life == 0; }
  asio::awaitable<std::optional<Position>> first_at_or_after(Timestamp time) override;

  /// For tests of who uses it: from now on appending throws this.
  void fail_appends(Unavailable failure) { failure_ = std::move(failure); }
  /// Events in the largest request so far.
  std::size_t largest_request() const { return largest_request_; }

 private:
  Appended append_draft(const EventDraft& draft);
  bool conflicts(const AppendRequest& request, std::vector<Appended>& results) const;

  std::vector<StoredEvent> log_;  ///< Position n at index n - 1.
  std::map<std::string, Position> by_id_;
  LogLives lives_;  ///< One, unnamed.
  std::optional<Unavailable> failure_;
  std::size_t largest_request_ = 0;
};

}  // namespace eventbus
