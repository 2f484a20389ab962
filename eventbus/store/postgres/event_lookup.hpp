#pragma once

#include <boost/asio/awaitable.hpp>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "eventbus/runtime/suspend.hpp"
#include "eventbus/store/postgres/event_reader.hpp"

namespace eventbus::postgres_store {

/// Finds events by their ids. Calls that come while others are being answered share the next query, so that many
/// readers cost few round trips and a lone one doesn't wait. For the event-loop thread.
class EventLookup {
 public:
  explicit EventLookup(EventReader& reader) : reader_(reader) {}

  /// None when there is no such event. Throws `Unavailable`.
  asio::awaitable<std::optional<StoredEvent>> find(std::string event_id);

 private:
  struct Answer {
    std::optional<StoredEvent> event;
    bool ask = false;  ///< Nobody asked yet: ask for yourself and for those that wait.
  };
  struct Waiting {
    std::string event_id;
    Completion<Answer> done;
  };
  using Found = std::unordered_map<std::string, StoredEvent>;
  class Asking;

  asio::awaitable<std::optional<StoredEvent>> ask(std::string event_id);
  asio::awaitable<Found> query(std::vector<std::string> event_ids);
  asio::awaitable<void> query(const std::vector<std::string>& event_ids, EventReader::Source source, Found& found);
  std::vector<Waiting> take_waiting();

  EventReader& reader_;
  std::size_t asking_ = 0;
  std::deque<Waiting> waiting_;
};

}  // namespace eventbus::postgres_store
