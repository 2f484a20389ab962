// How a queue's decisions become durable: what to write, and what follows when it was written or failed.
#include <algorithm>
#include <map>

#include "eventbus/broker/embedded/queue_state.hpp"

namespace eventbus::embedded {

std::uint64_t QueueState::purge(Position head) {
  if (purging_) return 0;
  const auto gone = ready() + delayed();
  purge_requested_ = purging_ = true;
  purge_to_ = head;
  purged_backlog_ = backlog_;
  if (following_) frontier_ = head;
  following_ = false;
  for (auto& [position, tracked] : tracked_) {
    if (tracked.phase == Phase::in_flight || tracked.phase == Phase::settling) continue;
    settle(position, tracked, {.fate = Fate::purged});
  }
  return gone;
}

QueueCommit QueueState::compose(Position head) {
  QueueCommit commit;
  commit.settlings = std::exchange(pending_, {});
  commit.purge = std::exchange(purge_requested_, false);
  compose_settlings(commit);
  compose_gaps(commit, head);
  return commit;
}

void QueueState::compose_settlings(QueueCommit& commit) {
  for (const auto& settling : commit.settlings) {
    const auto& tracked = tracked_.find(settling.position)->second;
    if (settling.fate == Fate::retried) {
      auto retried = row(settling.position, tracked);
      ++retried.attempt;
      retried.due = settling.due;
      if (retried.first_failed_at == Timestamp{}) retried.first_failed_at = settling.failed_at;
      retried.last_failed_at = settling.failed_at;
      commit.rows.push_back(retried);
      continue;
    }
    if (tracked.has_row) commit.settled_rows.push_back(settling.position);
    if (settling.fate != Fate::dead) continue;
    const auto first = tracked.first_failed_at == Timestamp{} ? settling.failed_at : tracked.first_failed_at;
    commit.dead_letters.push_back({settling.position, settling.reason, tracked.attempt, first, settling.failed_at});
  }
}

// Everything that is settled must be covered by the frontier, so it moves to the last of them; what is open below it
// and has no row yet becomes a gap. Many gaps make every commit large, so the oldest get rows.
void QueueState::compose_gaps(QueueCommit& commit, Position head) {
  auto frontier = commit.purge ? std::max(persisted_frontier_, purge_to_) : persisted_frontier_;
  std::size_t above = rowless_;
  for (const auto& settling : commit.settlings) {
    frontier = std::max(frontier, settling.position);
    if (!tracked_.find(settling.position)->second.has_row) --above;
  }
  compact_order();
  auto& gaps = commit.progress.gaps;
  for (const auto position : order_) {
    if (position > frontier) break;
    const auto place = tracked_.find(position);
    if (place == tracked_.end() || place->second.has_row || place->second.phase == Phase::settling) continue;
    gaps.push_back({position, place->second.stored_at, place->second.key});
    --above;
  }
  const auto window = commit.purge ? window_.end() : std::ranges::upper_bound(window_, frontier, {}, &Routed::position);
  if (!commit.purge && window != window_.begin()) {
    gaps.insert(gaps.end(), window_.begin(), window);
    std::ranges::sort(gaps, {}, &Routed::position);
  }
  const auto waiting = static_cast<std::uint64_t>(window_.end() - window);
  if (above + waiting == 0) frontier = std::max(frontier, this->frontier(head));
  if (gaps.size() > limits_.gaps) {
    const auto excess = gaps.begin() + static_cast<std::ptrdiff_t>(gaps.size() - limits_.gaps);
    for (auto gap = gaps.begin(); gap != excess; ++gap) {
      auto place = tracked_.find(gap->position);
      if (place == tracked_.end()) place = take_out_of_window(gap->position);
      commit.rows.push_back(row(gap->position, place->second));
    }
    gaps.erase(gaps.begin(), excess);
  }
  commit.progress.frontier = frontier;
  commit.progress.counted_to = counted_ ? head : std::max(counted_to_, frontier);
  commit.progress.backlog = above + waiting + backlog_;
  if (commit.purge) commit.progress.backlog -= counted_ ? std::min(backlog_, purged_backlog_) : backlog_;
}

OutstandingRow QueueState::row(Position position, const Tracked& tracked) const {
  return {.event = {position, tracked.stored_at, tracked.key},
          .attempt = tracked.attempt,
          .due = tracked.due,
          .first_attempt_at = tracked.first_attempt_at,
          .first_failed_at = tracked.first_failed_at,
          .last_failed_at = tracked.last_failed_at};
}

void QueueState::compact_order() {
  const auto stale = [this](Position position) {
    const auto place = tracked_.find(position);
    return place == tracked_.end() || place->second.has_row;
  };
  while (!order_.empty() && stale(order_.front())) order_.pop_front();
  constexpr std::size_t worth_it = 1024;
  if (order_.size() > 2 * rowless_ + worth_it) std::erase_if(order_, stale);
}

void QueueState::finish(const QueueCommit& commit) {
  for (const auto& written : commit.rows) {
    auto& tracked = tracked_.find(written.event.position)->second;
    if (!tracked.has_row) --rowless_;
    tracked.has_row = true;
  }
  for (const auto& settling : commit.settlings) {
    const auto place = tracked_.find(settling.position);
    auto& tracked = place->second;
    if (tracked.before == Phase::in_flight) --in_flight_;
    if (settling.fate != Fate::retried) {
      forget(settling.position, tracked);
      continue;
    }
    ++tracked.attempt;
    tracked.due = settling.due;
    if (tracked.first_failed_at == Timestamp{}) tracked.first_failed_at = settling.failed_at;
    tracked.last_failed_at = settling.failed_at;
    if (tracked.before == Phase::parked) {
      admit(settling.position, tracked);
      continue;
    }
    tracked.phase = Phase::delayed;
    delayed_.emplace(tracked.due, settling.position);
  }
  persisted_frontier_ = commit.progress.frontier;
  persisted_counted_to_ = commit.progress.counted_to;
  if (!commit.purge) return;
  purging_ = false;
  window_.clear();
  frontier_ = purge_to_;
  backlog_ -= counted_ ? std::min(backlog_, purged_backlog_) : backlog_;
  if (!counted_) counted_to_ = purge_to_;
}

void QueueState::forget(Position position, const Tracked& tracked) {
  if (!tracked.has_row) --rowless_;
  const auto key = tracked.key;
  tracked_.erase(position);
  if (!definition_.ordered || key == 0) return;
  const auto heir = keys_.release(key, position);
  if (!heir) return;
  --parked_;
  make_ready(*heir, tracked_.find(*heir)->second);
}

void QueueState::abort(QueueCommit commit, Timestamp now) {
  std::map<Timestamp, std::vector<Position>> leases;
  for (const auto& settling : commit.settlings) {
    auto& tracked = tracked_.find(settling.position)->second;
    tracked.phase = tracked.before;
    if (tracked.phase == Phase::ready) ready_.insert(settling.position);
    if (tracked.phase == Phase::parked) admit(settling.position, tracked);
    if (tracked.phase == Phase::delayed) delayed_.emplace(tracked.due, settling.position);
    if (tracked.phase == Phase::in_flight) leases[std::max(tracked.lease.until, now)].push_back(settling.position);
  }
  for (auto& [until, positions] : leases) {
    const auto id = leases_.name(until);
    for (const auto position : positions) tracked_.find(position)->second.lease = id;
    leases_.open(id, std::move(positions));
  }
  if (commit.purge) purging_ = false;
}

}  // namespace eventbus::embedded
