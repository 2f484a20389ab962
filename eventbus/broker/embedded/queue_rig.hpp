#pragma once

#include <initializer_list>
#include <vector>

#include "eventbus/broker/embedded/queue_decisions.hpp"

namespace eventbus::embedded {

constexpr Timestamp start{std::chrono::seconds{1'000'000}};

inline QueueDefinition definition() {
  QueueDefinition queue;
  queue.name = "q";
  queue.lease = std::chrono::seconds{30};
  queue.retry = {.max_retries = 1, .delay = {}, .backoff = 2, .max_delay = {}};
  return queue;
}

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
