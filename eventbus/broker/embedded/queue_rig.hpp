#pragma once

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <utility>
#include <vector>

#include "eventbus/broker/embedded/log_cursor.hpp"
#include "eventbus/delivery/queue_state.hpp"

namespace eventbus::embedded {

constexpr Timestamp start{std::chrono::seconds{1'000'000}};

inline QueueDefinition definition() {
  QueueDefinition queue;
  queue.name = "q";
  queue.lease = std::chrono::seconds{30};
  queue.retry = {.max_retries = 1, .delay = {}, .backoff = 2, .max_delay = {}};
  return queue;
}

/// For tests: what decides about one queue, without doing: the cursor about what still comes, the state about what has
/// come. Both share a commit, as in `Queue`.
struct QueueDecisions {
  QueueDecisions(const QueueDefinition& definition, CursorLimits limits, std::size_t most_outstanding,
                 std::uint64_t seed)
      : cursor(limits), state(definition, cursor, most_outstanding, seed) {}
  QueueDecisions(const QueueDecisions&) = delete;
  QueueDecisions& operator=(const QueueDecisions&) = delete;

  /// The queue as it was on disk. `now` may be earlier than when that was written: the clock was set back.
  void restore(QueueProgress progress, const std::vector<OutstandingRow>& rows, Timestamp now) {
    state.restore(cursor.restore(std::move(progress), now), rows, now);
  }
  /// Everything ready or delayed goes with the next commit; returns how many. Nothing is handed out until that is
  /// closed.
  std::uint64_t purge(Position head) {
    if (state.purging()) return 0;
    const auto gone = state.length();
    cursor.purge(head);
    state.purge();
    return gone;
  }
  QueueCommit compose(Position head) {
    QueueCommit commit;
    state.compose(commit);
    cursor.compose(commit, head);
    return commit;
  }
  void finish(const QueueCommit& commit) {
    cursor.finish(commit);
    state.finish(commit);
  }
  void abort(const QueueCommit& commit, Timestamp now) {
    cursor.abort(commit);
    state.abort(commit, now);
  }
  std::optional<Timestamp> oldest_since() const {
    const auto of_rows = state.oldest_since();
    const auto of_log = cursor.oldest_since();
    return of_rows && of_log ? std::min(of_rows, of_log) : of_rows ? of_rows : of_log;
  }

  LogCursor cursor;
  delivery::QueueState state;
};

/// For tests: a queue that follows the log, with the head and the time at hand.
struct Rig : QueueDecisions {
  explicit Rig(const QueueDefinition& queue = definition(), CursorLimits limits = {}, std::size_t outstanding = 262144)
      : QueueDecisions(queue, limits, outstanding, 1) {
    cursor.absorb({}, 0, 0);
    cursor.widen();
  }
  void publish(int count, std::uint64_t key = 0) {
    for (; count > 0; --count) cursor.take({++head, start, key});
  }
  std::vector<Position> lease(std::size_t max) {
    std::vector<Position> positions;
    for (const auto& leased : state.lease(max, now)) {
      positions.push_back(leased.event.position);
      state.handed_out(leased.entry, 0, now);
    }
    return positions;
  }
  bool ack(std::initializer_list<Position> positions, std::uint32_t attempt = 1) {
    bool all = true;
    for (const auto position : positions) all = state.ack(position, attempt) && all;
    return all;
  }
  /// Events of the log enter again, at its end. Their rows.
  std::vector<OutstandingRow> enter_again(std::initializer_list<Position> positions, std::uint64_t key = 0) {
    std::vector<OutstandingRow> rows;
    for (const auto position : positions) rows.push_back(state.enter_again({position, now, key}, head, --last_entry));
    state.revive(rows);
    return rows;
  }
  QueueCommit commit() {
    auto commit = compose(head);
    finish(commit);
    return commit;
  }

  Position head = 0;
  EntryId last_entry = 0;
  Timestamp now = start;
};

inline std::vector<Position> gaps(const QueueCommit& commit) {
  std::vector<Position> positions;
  positions.reserve(commit.progress.gaps.size());
  for (const auto& gap : commit.progress.gaps) positions.push_back(gap.position);
  return positions;
}

inline std::vector<Position> spilled(const QueueCommit& commit) {
  std::vector<Position> positions;
  positions.reserve(commit.spilled.size());
  for (const auto& event : commit.spilled) positions.push_back(event.position);
  return positions;
}

inline std::vector<Position> rows(const QueueCommit& commit) {
  std::vector<Position> positions;
  positions.reserve(commit.rows.size());
  for (const auto& row : commit.rows) positions.push_back(row.event.position);
  return positions;
}

}  // namespace eventbus::embedded
