#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "eventbus/core/cursor.hpp"
#include "eventbus/core/error.hpp"
#include "eventbus/core/event.hpp"
#include "eventbus/core/json.hpp"
#include "eventbus/core/log_lives.hpp"

namespace eventbus {

namespace asio = boost::asio;

/// What one publish request wants stored. Atomic: all drafts or none; else each draft stands for itself.
struct AppendRequest {
  std::vector<EventDraft> drafts;
  bool atomic = false;
};

enum class AppendStatus : std::uint8_t {
  stored,     ///< New, durable.
  duplicate,  ///< Was there already with the same content; nothing was written.
  conflict,   ///< The id is taken by different content; nothing was written.
  aborted,    ///< Would have been stored, but another draft of its atomic request conflicts.
};

/// The fate of one draft. `event` is what the store now holds under the id (for `conflict` and `aborted` the draft).
struct Appended {
  AppendStatus status = AppendStatus::stored;
  StoredEvent event;
};

/// A page of a listing. Filters left empty match everything; both time ends are inclusive.
struct EventQuery {
  std::optional<Timestamp> start_time = {};
  std::optional<Timestamp> end_time = {};
  std::string event_type = {};  ///< Topic pattern.
  std::string ordering_key = {};
  std::string correlation_id = {};
  std::optional<JsonContainment> payload = {};
  std::size_t limit = 100;  ///< Most events of the page, at least 1.
  bool descending = false;
  std::optional<ListingCursor> cursor = {};  ///< Go on after it; its direction must be `descending`.
};

struct EventPage {
  std::vector<StoredEvent> events;    ///< By timestamp, then position.
  std::optional<ListingCursor> next;  ///< None when the listing is complete.
};

/// The routing facts of one event, for scanning the log without reading payloads.
struct RouteRecord {
  Position position = 0;
  Timestamp timestamp{};
  Timestamp stored_at{};
  std::string exchange;
  std::string routing_key;
  std::string ordering_key;
};

/// The durable log of events. Events and cursors that it returns name the life that gave their position. All operations
/// are coroutines that may be started from the event-loop thread only and run their blocking work elsewhere; results
/// arrive on the event loop. All throw `Unavailable` when the storage fails (nothing of the request is then stored, or
/// the outcome is unknown if the process died), and work again when it recovers.
class EventStore {
 public:
  virtual ~EventStore() = default;

  /// Stores the requests in one durable transaction (fsync or commit before it returns), one outcome a draft. Ids that
  /// repeat within the call count as repeated. Positions grow in the order of the drafts and are visible to readers in
  /// order: once a reader sees a position, no smaller one appears later.
  virtual asio::awaitable<std::vector<std::vector<Appended>>> append(std::vector<AppendRequest> requests) = 0;

  /// The event of this id; none when unknown.
  virtual asio::awaitable<std::optional<StoredEvent>> get(std::string event_id) = 0;

  /// One page, which may end before its limit where events are large. A listing shows exactly the events that were
  /// committed when its first page was read.
  virtual asio::awaitable<EventPage> query(EventQuery query) = 0;

  /// Events after `after` in commit order, at most `limit`, fewer where they are large, those whose type matches
  /// `type_pattern` (empty: all).
  /// `scanned` of the result is the last position looked at, so that a caller goes on behind non-matching events.
  struct LogPage {
    std::vector<StoredEvent> events;
    Position scanned = 0;
  };
  virtual asio::awaitable<LogPage> read_log(Position after, std::size_t limit, std::string type_pattern) = 0;

  /// Routing facts of events after `after` in commit order, at most `limit`.
  virtual asio::awaitable<std::vector<RouteRecord>> read_routes(Position after, std::size_t limit) = 0;

  /// The events at the first `asked` of these positions, in their order; positions that hold nothing are left out. All
  /// of them, fewer where they are large.
  struct Found {
    std::vector<StoredEvent> events;
    std::size_t asked = 0;
  };
  virtual asio::awaitable<Found> read_at(std::vector<Position> positions) = 0;

  /// The largest committed position; 0 when empty. Grows only. Immediate, from the event-loop thread.
  virtual Position head() const = 0;
  /// The same, as it is now: also after what other instances stored. Throws `Unavailable`.
  virtual asio::awaitable<Position> look() = 0;

  /// The lives that gave the log's positions, as of what was last read or stored. Immediate, from the event-loop
  /// thread.
  virtual const LogLives& lives() const = 0;
  /// Whether this log has given this place. Not so when it comes from a life that was lost because the log was put back
  /// from an older copy, though another event may stand at its position now.
  virtual asio::awaitable<bool> gave(LogPlace place) = 0;

  /// The smallest position whose event has a timestamp not earlier than `time`; none when there is no such event.
  virtual asio::awaitable<std::optional<Position>> first_at_or_after(Timestamp time) = 0;
};

}  // namespace eventbus
