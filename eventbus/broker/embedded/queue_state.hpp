#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eventbus/broker/embedded/key_locks.hpp"
#include "eventbus/broker/embedded/lease_table.hpp"
#include "eventbus/broker/embedded/queue_commit.hpp"
#include "eventbus/core/queue.hpp"

namespace eventbus::embedded {

struct QueueLimits {
  std::size_t window = 4096;         ///< Ready events kept at hand.
  std::size_t idle_window = 256;     ///< The same while nobody has asked for events yet.
  std::size_t outstanding = 262144;  ///< In flight, delayed, parked.
  std::size_t gaps = 2048;           ///< First attempts below the frontier that are written without a row.
};

/// One event handed out.
struct Leased {
  Routed event;
  std::uint32_t attempt = 1;
  Timestamp first_attempt_at{};
};

/// What happens to the events of one queue: which is next, who has it, when it is due again, what must be written.
/// Decides without doing: time comes in as an argument, what is decided comes out as a QueueCommit, and is in force
/// when that was written (`finish`) or undone when it failed (`abort`). At most one commit is open at a time.
///
/// `head` is always the last position that the broker took; positions behind it don't exist yet.
class QueueState {
 public:
  QueueState(const QueueDefinition& definition, QueueLimits limits, std::uint64_t seed);

  /// The queue as it was on disk. `now` may be earlier than when that was written: the clock was set back.
  void restore(QueueProgress progress, std::vector<OutstandingRow> rows, Timestamp now);
  void redefine(const QueueDefinition& definition) { definition_ = definition; }

  // The way of the log through the queue. `following`: everything up to the head was routed here. `counted`: every
  // match up to the head is counted, so that the queue takes part in live routing.
  bool following() const { return following_; }
  bool counted() const { return counted_; }
  Position frontier(Position head) const { return following_ ? head : frontier_; }
  Position counted_to(Position head) const { return counted_ ? head : counted_to_; }
  /// A live event that matches, at the new end of the log. Only when counted.
  void take(const Routed& event);
  /// Somebody consumes: keep a full window at hand.
  void widen() { window_limit_ = limits_.window; }
  /// Until the next `widen` the window may hold everything that deliveries from before a restart can refer to.
  void stretch() { window_limit_ = limits_.outstanding; }
  /// Free places of the window.
  std::size_t room() const;
  bool hungry() const;  ///< Events wait in the log and the window runs low.
  /// The log up to `scanned` was compared: these match, at most `room()`.
  void absorb(const std::vector<Routed>& matches, Position scanned, Position head);
  /// The log behind `counted_to` up to `scanned` was counted.
  void count(std::uint64_t matches, Position scanned, Position head);

  /// Up to `max` events, oldest first, leased from now.
  std::vector<Leased> lease(std::size_t max, Timestamp now);
  void set_type(Position position, std::uint32_t type);
  bool ack(Position position, std::uint32_t attempt);
  /// Failed. Requeued it is retried after `delay` (none: the policy's backoff) or dead of "max_retries".
  bool nack(Position position, std::uint32_t attempt, bool requeue, std::optional<std::chrono::milliseconds> delay,
            std::string_view reason, Timestamp now);
  /// The event of a lease no longer exists in the log.
  void drop(Position position);
  /// Moves the end of its lease; false unless it is in flight.
  bool extend(Position position, std::uint32_t attempt, Timestamp until);
  bool give_back(Position position, std::uint32_t attempt);
  /// Dead letters that are on disk as outstanding rows again.
  void revive(const std::vector<Routed>& events);
  /// Everything ready or delayed goes; returns how many. Nothing is handed out until the commit is closed.
  std::uint64_t purge(Position head);

  /// Does what is due: ended leases fail, retries become ready, old events expire, too long queues drop their oldest.
  void tick(Timestamp now);
  std::optional<Timestamp> next_due() const;

  /// Whether something waits to be written.
  bool pending() const { return !pending_.empty() || purge_requested_; }
  QueueCommit compose(Position head);
  void finish(const QueueCommit& commit);
  void abort(QueueCommit commit, Timestamp now);

  std::uint64_t ready() const { return backlog_ + window_.size() + ready_.size() + parked_; }
  bool deliverable() const { return !purging_ && (!window_.empty() || !ready_.empty()); }
  std::uint64_t at_hand() const { return window_.size() + ready_.size(); }
  std::uint64_t in_flight() const { return in_flight_; }
  std::uint64_t delayed() const { return delayed_.size(); }
  std::size_t leases() const { return leases_.size(); }
  std::size_t outstanding() const { return tracked_.size(); }
  std::optional<Timestamp> oldest_stored_at() const;
  Position persisted_counted_to() const { return persisted_counted_to_; }
  Position last_frontier() const { return persisted_frontier_; }

 private:
  enum class Phase : std::uint8_t { ready, parked, in_flight, delayed, settling };

  struct Tracked {
    Timestamp stored_at{};
    std::uint64_t key = 0;
    Timestamp first_attempt_at{};
    Timestamp first_failed_at{};
    Timestamp last_failed_at{};
    Timestamp leased_at{};
    Timestamp due{};
    LeaseId lease;
    std::uint32_t attempt = 1;
    std::uint32_t type = 0;
    Phase phase = Phase::ready;
    Phase before = Phase::ready;  ///< Where an aborted settling goes back to.
    bool has_row = false;
  };
  using TrackedMap = boost::unordered_flat_map<Position, Tracked>;

  TrackedMap::iterator track(const Routed& event);
  void admit(Position position, Tracked& tracked);
  void make_ready(Position position, Tracked& tracked);
  void detach(Position position, Tracked& tracked);
  void settle(Position position, Tracked& tracked, Settling settling);
  void retry(Position position, Tracked& tracked, std::optional<std::chrono::milliseconds> delay, Timestamp now);
  void die(Position position, Tracked& tracked, std::string_view reason, Timestamp now);
  void forget(Position position, const Tracked& tracked);
  Tracked* answerable(Position position, std::uint32_t attempt);
  TrackedMap::iterator take_out_of_window(Position position);
  TrackedMap::iterator next(Timestamp now);
  TrackedMap::iterator take_oldest();
  bool expired(Timestamp stored_at, Timestamp now) const;
  void end_leases(Timestamp now);
  void wake_delayed(Timestamp now);
  void expire(Timestamp now);
  void enforce_length(Timestamp now);
  void compose_settlings(QueueCommit& commit);
  void compose_gaps(QueueCommit& commit, Position head);
  void compact_order();
  OutstandingRow row(Position position, const Tracked& tracked) const;

  QueueDefinition definition_;
  QueueLimits limits_;
  std::minstd_rand random_;

  bool following_ = false;
  bool counted_ = false;
  Position frontier_ = 0;
  Position counted_to_ = 0;
  std::uint64_t backlog_ = 0;  ///< Matches in (frontier, counted_to].
  Position persisted_frontier_ = 0;
  Position persisted_counted_to_ = 0;

  std::size_t window_limit_;
  std::deque<Routed> window_;  ///< Never handed out, ascending.
  TrackedMap tracked_;
  std::deque<Position> order_;  ///< Tracked without a row, ascending; may hold others too.
  std::size_t rowless_ = 0;     ///< Tracked without a row.
  std::set<Position> ready_;    ///< Tracked and ready.
  std::set<std::pair<Timestamp, Position>> delayed_;
  KeyLocks keys_;
  LeaseTable leases_;
  std::uint64_t in_flight_ = 0;
  std::uint64_t parked_ = 0;

  std::vector<Settling> pending_;
  bool purge_requested_ = false;
  bool purging_ = false;
  Position purge_to_ = 0;
  std::uint64_t purged_backlog_ = 0;
};

}  // namespace eventbus::embedded
