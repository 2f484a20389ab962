#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string_view>
#include <vector>

#include "eventbus/core/failure_policy.hpp"
#include "eventbus/core/queue.hpp"
#include "eventbus/delivery/fresh_events.hpp"
#include "eventbus/delivery/lease_table.hpp"
#include "eventbus/delivery/settlement.hpp"
#include "eventbus/delivery/waiting_room.hpp"

namespace eventbus::delivery {

/// One event handed out.
struct Leased {
  Routed event;
  EntryId entry = 0;
  std::uint32_t attempt = 1;
};

/// What happens to the events of one queue: which is next, who has it, when it is due again, what must be written.
/// Decides without doing: time comes in as an argument, what is decided comes out as a Settlement, and is in
/// force when that was written (`finish`) or undone when it failed (`abort`). At most one commit is open at a time.
class QueueState {
 public:
  /// `fresh` must outlive it. While `most_outstanding` or more entries are not settled, none is taken from there.
  QueueState(const QueueDefinition& definition, FreshEvents& fresh, std::size_t most_outstanding, std::uint64_t seed);

  /// What had been taken from `fresh` without a row, and the rows. `now` may be earlier than when they were written:
  /// the clock was set back.
  void restore(const std::vector<Routed>& taken, const std::vector<OutstandingRow>& rows, Timestamp now);
  void redefine(const QueueDefinition& definition) { definition_ = definition; }

  /// Up to `max` events, oldest first, leased from now.
  std::vector<Leased> lease(std::size_t max, Timestamp now);
  /// What was leased is on its way to the consumer. Returns when it first was; `type` comes back with its settling.
  Timestamp handed_out(EntryId entry, std::uint32_t type, Timestamp now);
  bool ack(EntryId entry, std::uint32_t attempt);
  bool nack(EntryId entry, const Failure& failure, Timestamp now);
  /// The event of an entry no longer exists in the log.
  void drop(EntryId entry);
  /// Moves the end of its lease; false unless it is in flight.
  bool extend(EntryId entry, std::uint32_t attempt, Timestamp until);
  bool give_back(EntryId entry, std::uint32_t attempt);
  /// A row for an event that enters again, behind everything up to `head`. `entry` is a name never given before.
  OutstandingRow enter_again(const Routed& event, Position head, EntryId entry);
  /// Rows made so, once they are on disk.
  void revive(const std::vector<OutstandingRow>& rows);
  /// Everything that waits here goes with the next commit. Nothing is handed out until that is closed.
  void purge();
  bool purging() const { return purging_; }

  /// Does what is due: ended leases fail, retries become ready, old events expire, too long queues drop their oldest.
  void tick(Timestamp now);
  std::optional<Timestamp> next_due() const;

  /// Whether something waits to be written.
  bool pending() const { return !pending_.empty() || purge_requested_; }
  /// Adds what was decided to the commit.
  void compose(Settlement& settlement);
  void finish(const Settlement& commit);
  void abort(const Settlement& commit, Timestamp now);

  /// What counts against the queue's max_length: everything that waits.
  std::uint64_t length() const { return ready() + delayed(); }
  /// Waiting without a time to wait for, behind another of their key included.
  std::uint64_t ready() const { return fresh_.waiting() + room_.ready() + room_.parked(); }
  bool deliverable() const { return !purging_ && room_.next(full()) != WaitingRoom::Kind::none; }
  std::uint64_t at_hand() const { return fresh_.at_hand() + room_.ready(); }
  std::uint64_t in_flight() const { return in_flight_; }
  std::uint64_t delayed() const { return room_.delayed(); }
  std::size_t leases() const { return leases_.size(); }
  std::size_t outstanding() const { return tracked_.size(); }
  /// Of these, what entered again.
  std::size_t entered_again() const { return again_; }
  /// Of the events that have a row.
  std::optional<Timestamp> oldest_since() const;

 private:
  enum class Phase : std::uint8_t { loose, ready, parked, in_flight, delayed, settling };

  struct Tracked {
    OutstandingRow row;  ///< `due`: the epoch when no retry waits for it.
    Timestamp leased_at{};
    LeaseId lease{};
    std::uint32_t type = 0;
    Phase phase = Phase::loose;
    Phase before = Phase::loose;  ///< Where an aborted settling goes back to.
    bool has_row = false;
  };
  using TrackedMap = boost::unordered_flat_map<EntryId, Tracked>;

  Tracked& track(const Routed& event);
  bool full() const { return tracked_.size() >= most_outstanding_; }
  void hold(Tracked& tracked);
  void admit(Tracked& tracked);
  void make_ready(Tracked& tracked);
  void make_parked(Tracked& tracked);
  void make_waiting(Tracked& tracked);
  void detach(Tracked& tracked);
  void settle(Tracked& tracked, Settling settling);
  void fail(Tracked& tracked, const Failure& failure, Timestamp now);
  void die(Tracked& tracked, std::string_view reason, Timestamp now);
  void die_waiting(Tracked& tracked, std::string_view reason, Timestamp now);
  void forget(const Tracked& tracked);
  Tracked* answerable(EntryId entry, std::uint32_t attempt);
  Tracked* leased_as(EntryId entry, std::uint32_t attempt);
  Tracked* next(Timestamp now);
  Tracked* take_oldest();
  Tracked* find(EntryId entry);
  Tracked& at(const Seat& seat) { return tracked_.find(seat.entry)->second; }
  const Tracked& at(const Seat& seat) const { return tracked_.find(seat.entry)->second; }
  Tracked& at(EntryId entry) { return tracked_.find(entry)->second; }
  bool expired(Timestamp entered_at, Timestamp now) const;
  void end_leases(Timestamp now);
  void expire(Timestamp now);
  void enforce_length(Timestamp now);

  QueueDefinition definition_;
  FreshEvents& fresh_;
  std::size_t most_outstanding_;
  std::minstd_rand random_;

  TrackedMap tracked_;
  WaitingRoom room_;
  LeaseTable leases_;
  std::int64_t turns_ = 0;  ///< Given so far to what was entered again.
  std::uint64_t in_flight_ = 0;
  std::size_t rows_ = 0;
  std::size_t again_ = 0;

  std::vector<Settling> pending_;
  bool purge_requested_ = false;
  bool purging_ = false;
};

}  // namespace eventbus::delivery
