#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <optional>
#include <vector>

#include "eventbus/broker/embedded/queue_commit.hpp"
#include "eventbus/delivery/fresh_events.hpp"

namespace eventbus::embedded {

struct CursorLimits {
  std::size_t window = 4096;       ///< Events kept at hand.
  std::size_t idle_window = 256;   ///< The same while nobody has asked for events yet.
  std::size_t stretched = 262144;  ///< The same while deliveries from before a restart are answered.
  std::size_t gaps = 2048;         ///< Events below the frontier that are out and written without a row.
};

/// The way of the log through one queue: what still comes, what is at hand (the window), and what is out: handed on,
/// and neither settled nor tried again. What is at hand or out is a gap on disk, or, where there are too many of those,
/// has a row that holds nothing but it. Decides without doing: what to write comes out with `compose`,
/// and is in force when that was written (`finish`) or undone when it failed (`abort`). At most one commit is open.
///
/// `head` is always the last position that the broker took; positions behind it don't exist yet.
class LogCursor final : public delivery::FreshEvents {
 public:
  explicit LogCursor(CursorLimits limits)
      : limits_(limits), window_limit_(std::min(limits.window, limits.idle_window)) {}

  /// As it was on disk. The gaps are out, and returned, none of a time after `now`.
  std::vector<Routed> restore(QueueProgress progress, Timestamp now);

  // `following`: everything up to the head was routed here. `counted`: every match up to the head is counted, so that
  // the queue takes part in live routing.
  bool following() const { return following_; }
  bool counted() const { return counted_; }
  Position frontier(Position head) const { return following_ ? head : frontier_; }
  Position counted_to(Position head) const { return counted_ ? head : counted_to_; }
  Position persisted_frontier() const { return persisted_frontier_; }
  Position persisted_counted_to() const { return persisted_counted_to_; }

  /// A live event that matches, at the new end of the log. Only when counted.
  void take(const Routed& event);
  /// Somebody consumes: keep a full window at hand.
  void widen() { window_limit_ = limits_.window; }
  /// Until the next `widen` the window may hold everything that deliveries from before a restart can refer to.
  void stretch() { window_limit_ = limits_.stretched; }
  /// Free places of the window.
  std::size_t room() const;
  bool hungry() const;  ///< Events wait in the log and the window runs low.
  /// The log up to `scanned` was compared: these match, at most `room()`.
  void absorb(const std::vector<Routed>& matches, Position scanned, Position head);
  /// The log behind `counted_to` up to `scanned` was counted.
  void count(std::uint64_t matches, Position scanned, Position head);

  const Routed* front() const override { return window_.empty() || purging_ ? nullptr : &window_.front(); }
  Position reached() const override { return following_ ? std::numeric_limits<Position>::max() : frontier_; }
  Routed pop() override;
  std::optional<Routed> pick(Position position) override;
  std::size_t at_hand() const override { return window_.size(); }
  std::uint64_t waiting() const override { return backlog_ + window_.size(); }
  /// Of what is at hand or out.
  std::optional<Timestamp> oldest_since() const;

  /// Everything that waits goes, with the next commit that purges.
  void purge(Position head);
  /// Adds the cursor's share to a commit that holds what the state decided.
  void compose(QueueCommit& commit, Position head);
  void finish(const QueueCommit& commit);
  void abort(const QueueCommit& commit);

 private:
  enum class Phase : std::uint8_t { out, leaving, gone };
  struct Out {
    Routed event;
    Phase phase = Phase::out;
  };

  void put_out(const Routed& event);
  Out* find(Position position);
  bool forget(Position position);
  std::size_t leave(QueueCommit& commit);
  std::size_t split_window(QueueCommit& commit) const;
  void drop_window(QueueCommit& commit) const;
  void spill(QueueCommit& commit) const;
  void compact();

  CursorLimits limits_;
  bool following_ = false;
  bool counted_ = false;
  Position frontier_ = 0;
  Position counted_to_ = 0;
  std::uint64_t backlog_ = 0;  ///< Matches in (frontier, counted_to].
  Position persisted_frontier_ = 0;
  Position persisted_counted_to_ = 0;

  std::size_t window_limit_;
  std::deque<Routed> window_;              ///< Ascending.
  std::deque<Out> out_;                    ///< Ascending; without what has a row.
  std::size_t open_ = 0;                   ///< Of these, those not gone.
  std::size_t next_found_ = 0;             ///< Where `find` looks first.
  std::map<Position, Timestamp> spilled_;  ///< At hand or out, and in a row: when it came.

  bool purging_ = false;
  Position purge_to_ = 0;
  std::uint64_t purged_backlog_ = 0;
};

}  // namespace eventbus::embedded
