#pragma once

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "eventbus/broker/embedded/log_cursor.hpp"
#include "eventbus/delivery/queue_state.hpp"

namespace eventbus::embedded {

/// What decides about one queue: the cursor about what still comes, the state about what has come. Both share a commit.
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

}  // namespace eventbus::embedded
