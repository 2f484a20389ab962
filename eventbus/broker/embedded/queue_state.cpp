#include "eventbus/broker/embedded/queue_state.hpp"

#include <algorithm>

namespace eventbus::embedded {
namespace {

// Far beyond any use, and far from where microseconds overflow.
constexpr std::chrono::milliseconds longest_wait = std::chrono::years{10};

/// Of a clock that was set back since the last failure nobody knows how much of the wait is over: all of it is left.
Timestamp due_by_this_clock(const OutstandingRow& row, Timestamp now) {
  const auto failed_at = std::max(row.first_failed_at, row.last_failed_at);
  return failed_at > now ? now + (row.due - failed_at) : row.due;
}

}  // namespace

QueueState::QueueState(const QueueDefinition& definition, QueueLimits limits, std::uint64_t seed)
    : definition_(definition),
      limits_(limits),
      random_(static_cast<std::minstd_rand::result_type>(seed)),
      window_limit_(std::min(limits.window, limits.idle_window)) {}

void QueueState::restore(QueueProgress progress, std::vector<OutstandingRow> rows, Timestamp now) {
  frontier_ = persisted_frontier_ = progress.frontier;
  counted_to_ = persisted_counted_to_ = progress.counted_to;
  backlog_ = progress.backlog;
  for (auto gap : progress.gaps) {
    gap.stored_at = std::min(gap.stored_at, now);
    track(gap);
  }
  for (const auto& row : rows) {
    auto& tracked = tracked_[row.event.position];
    tracked = {.stored_at = std::min(row.event.stored_at, now),
               .key = row.event.key,
               .first_attempt_at = row.first_attempt_at,
               .first_failed_at = row.first_failed_at,
               .last_failed_at = row.last_failed_at,
               .leased_at = {},
               .due = due_by_this_clock(row, now),
               .lease = {},
               .attempt = row.attempt,
               .has_row = true};
  }
  std::vector<Position> positions;
  for (const auto& entry : tracked_) positions.push_back(entry.first);
  std::ranges::sort(positions);
  for (const auto position : positions) {
    auto& tracked = tracked_.find(position)->second;
    admit(position, tracked);
    if (tracked.phase != Phase::ready || tracked.due <= now) continue;
    ready_.erase(position);
    tracked.phase = Phase::delayed;
    delayed_.emplace(tracked.due, position);
  }
}

void QueueState::take(const Routed& event) {
  if (following_ && window_.size() < window_limit_) {
    window_.push_back(event);
    return;
  }
  if (following_) frontier_ = event.position - 1;
  following_ = false;
  ++backlog_;
}

std::size_t QueueState::room() const {
  return window_limit_ - std::min(window_limit_, window_.size());
}

bool QueueState::hungry() const {
  return !following_ && !purging_ && window_.size() <= window_limit_ / 2;
}

void QueueState::absorb(const std::vector<Routed>& matches, Position scanned, Position head) {
  for (const auto& match : matches) {
    window_.push_back(match);
    if (backlog_ > 0 && match.position <= counted_to(head)) --backlog_;
  }
  frontier_ = scanned;
  if (!counted_ && counted_to_ <= frontier_) {
    counted_to_ = frontier_;
    backlog_ = 0;
  }
  if (frontier_ < head) return;
  following_ = counted_ = true;
  backlog_ = 0;
}

void QueueState::count(std::uint64_t matches, Position scanned, Position head) {
  if (counted_ || purging_) return;
  backlog_ += matches;
  counted_to_ = scanned;
  counted_ = counted_to_ >= head;
}

std::vector<Leased> QueueState::lease(std::size_t max, Timestamp now) {
  std::vector<Leased> leased;
  std::vector<Position> positions;
  const auto id = leases_.name(now + definition_.lease);
  while (!purging_ && leased.size() < max) {
    const auto place = next(now);
    if (place == tracked_.end()) break;
    auto& [position, tracked] = *place;
    tracked.phase = Phase::in_flight;
    tracked.lease = id;
    tracked.leased_at = now;
    if (tracked.first_attempt_at == Timestamp{}) tracked.first_attempt_at = now;
    ++in_flight_;
    positions.push_back(position);
    leased.push_back({{position, tracked.stored_at, tracked.key}, tracked.attempt, tracked.first_attempt_at});
  }
  if (!positions.empty()) leases_.open(id, std::move(positions));
  return leased;
}

QueueState::TrackedMap::iterator QueueState::next(Timestamp now) {
  for (;;) {
    const bool full = tracked_.size() >= limits_.outstanding;
    const bool fresh = !window_.empty() && !full && (ready_.empty() || window_.front().position < *ready_.begin());
    if (!fresh && ready_.empty()) return tracked_.end();
    const auto place = fresh ? track(window_.front()) : tracked_.find(*ready_.begin());
    if (fresh) {
      window_.pop_front();
    } else {
      ready_.erase(ready_.begin());
    }
    auto& [position, tracked] = *place;
    if (expired(tracked.stored_at, now)) {
      die(position, tracked, "expired", now);
    } else if (!fresh || !definition_.ordered || tracked.key == 0 || keys_.acquire(tracked.key, position)) {
      return place;
    } else {
      tracked.phase = Phase::parked;
      ++parked_;
    }
  }
}

QueueState::TrackedMap::iterator QueueState::track(const Routed& event) {
  const auto place = tracked_.try_emplace(event.position).first;
  place->second.stored_at = event.stored_at;
  place->second.key = event.key;
  ++rowless_;
  if (order_.empty() || order_.back() < event.position) {
    order_.push_back(event.position);
  } else {
    order_.insert(std::ranges::upper_bound(order_, event.position), event.position);
  }
  return place;
}

void QueueState::admit(Position position, Tracked& tracked) {
  if (definition_.ordered && tracked.key != 0 && !keys_.acquire(tracked.key, position)) {
    tracked.phase = Phase::parked;
    ++parked_;
  } else {
    make_ready(position, tracked);
  }
}

void QueueState::make_ready(Position position, Tracked& tracked) {
  tracked.phase = Phase::ready;
  ready_.insert(position);
}

void QueueState::set_type(Position position, std::uint32_t type) {
  if (const auto place = tracked_.find(position); place != tracked_.end()) place->second.type = type;
}

QueueState::Tracked* QueueState::answerable(Position position, std::uint32_t attempt) {
  auto place = tracked_.find(position);
  if (place == tracked_.end()) {
    if (attempt != 1 || purging_) return nullptr;
    place = take_out_of_window(position);
    return place == tracked_.end() ? nullptr : &place->second;
  }
  auto& tracked = place->second;
  const bool open = tracked.phase != Phase::delayed && tracked.phase != Phase::settling;
  return open && tracked.attempt == attempt ? &tracked : nullptr;
}

QueueState::TrackedMap::iterator QueueState::take_out_of_window(Position position) {
  const auto found = std::ranges::lower_bound(window_, position, {}, &Routed::position);
  if (found == window_.end() || found->position != position) return tracked_.end();
  const auto event = *found;
  window_.erase(found);
  const auto place = track(event);
  admit(position, place->second);
  return place;
}

bool QueueState::ack(Position position, std::uint32_t attempt) {
  auto* tracked = answerable(position, attempt);
  if (tracked != nullptr) settle(position, *tracked, {.fate = Fate::acked});
  return tracked != nullptr;
}

bool QueueState::nack(Position position, std::uint32_t attempt, bool requeue,
                      std::optional<std::chrono::milliseconds> delay, std::string_view reason, Timestamp now) {
  auto* tracked = answerable(position, attempt);
  if (tracked == nullptr) return false;
  if (requeue && attempt <= definition_.retry.max_retries) {
    retry(position, *tracked, delay, now);
  } else {
    const std::string_view otherwise = requeue ? "max_retries" : "rejected";
    die(position, *tracked, reason.empty() ? otherwise : reason, now);
  }
  return true;
}

void QueueState::drop(Position position) {
  const auto place = tracked_.find(position);
  if (place == tracked_.end() || place->second.phase == Phase::settling) return;
  settle(position, place->second, {.fate = Fate::purged});
}

bool QueueState::extend(Position position, std::uint32_t attempt, Timestamp until) {
  const auto place = tracked_.find(position);
  if (place == tracked_.end()) return false;
  auto& tracked = place->second;
  if (tracked.phase != Phase::in_flight || tracked.attempt != attempt) return false;
  leases_.close(tracked.lease);
  tracked.lease = leases_.name(until);
  leases_.open(tracked.lease, {position});
  return true;
}

bool QueueState::give_back(Position position, std::uint32_t attempt) {
  const auto place = tracked_.find(position);
  if (place == tracked_.end()) return false;
  auto& tracked = place->second;
  if (tracked.phase != Phase::in_flight || tracked.attempt != attempt) return false;
  detach(position, tracked);
  --in_flight_;
  make_ready(position, tracked);
  return true;
}

void QueueState::revive(const std::vector<Routed>& events) {
  for (const auto& event : events) {
    auto& tracked = tracked_[event.position];
    tracked = {.stored_at = event.stored_at, .key = event.key, .lease = {}, .has_row = true};
    admit(event.position, tracked);
  }
}

void QueueState::retry(Position position, Tracked& tracked, std::optional<std::chrono::milliseconds> delay,
                       Timestamp now) {
  const double random = std::generate_canonical<double, 32>(random_);
  const auto wait = std::min(delay.value_or(definition_.retry.wait(tracked.attempt, random)), longest_wait);
  settle(position, tracked, {.fate = Fate::retried, .due = now + wait, .failed_at = now});
}

void QueueState::die(Position position, Tracked& tracked, std::string_view reason, Timestamp now) {
  settle(position, tracked, {.fate = Fate::dead, .failed_at = now, .reason = std::string(reason)});
}

void QueueState::settle(Position position, Tracked& tracked, Settling settling) {
  detach(position, tracked);
  settling.position = position;
  settling.type = tracked.type;
  if (tracked.phase == Phase::in_flight) settling.leased_at = tracked.leased_at;
  tracked.before = tracked.phase;
  tracked.phase = Phase::settling;
  pending_.push_back(std::move(settling));
}

void QueueState::detach(Position position, Tracked& tracked) {
  switch (tracked.phase) {
    case Phase::ready:
      ready_.erase(position);
      break;
    case Phase::parked:
      keys_.release(tracked.key, position);
      --parked_;
      break;
    case Phase::in_flight:
      leases_.close(tracked.lease);
      break;
    case Phase::delayed:
      delayed_.erase({tracked.due, position});
      break;
    case Phase::settling:
      break;
  }
}

std::optional<Timestamp> QueueState::oldest_stored_at() const {
  std::optional<Timestamp> oldest;
  const auto consider = [&oldest](Timestamp time) { oldest = std::min(oldest.value_or(time), time); };
  if (!window_.empty()) consider(window_.front().stored_at);
  if (tracked_.size() > rowless_) {
    for (const auto& entry : tracked_) consider(entry.second.stored_at);
    return oldest;
  }
  for (const auto position : order_) {
    const auto place = tracked_.find(position);
    if (place == tracked_.end()) continue;
    consider(place->second.stored_at);
    break;
  }
  return oldest;
}

}  // namespace eventbus::embedded
