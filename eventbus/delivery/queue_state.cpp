#include "eventbus/delivery/queue_state.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

namespace eventbus::delivery {
QueueState::QueueState(const QueueDefinition& definition, FreshEvents& fresh, std::size_t most_outstanding,
                       std::uint64_t seed)
    : definition_(definition),
      fresh_(fresh),
      most_outstanding_(most_outstanding),
      random_(static_cast<std::minstd_rand::result_type>(seed)),
      room_(definition.ordered) {}

void QueueState::restore(const std::vector<Routed>& taken, const std::vector<OutstandingRow>& rows, Timestamp now) {
  for (const auto& event : taken) track(event);
  for (const auto& row : rows) {
    auto& tracked = tracked_[row.event.position];
    tracked = {.row = row, .has_row = true};
    tracked.row.event.stored_at = std::min(row.event.stored_at, now);
    tracked.row.due = row.due_by(now);
    if (tracked.row.due <= now) tracked.row.due = {};
  }
  rows_ = rows.size();
  std::vector<Position> positions;
  positions.reserve(tracked_.size());
  for (const auto& entry : tracked_) positions.push_back(entry.first);
  std::ranges::sort(positions);
  for (const auto position : positions) admit(position, tracked_.find(position)->second);
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
    if (tracked.row.first_attempt_at == Timestamp{}) tracked.row.first_attempt_at = now;
    ++in_flight_;
    positions.push_back(position);
    leased.push_back({tracked.row.event, tracked.row.attempt, tracked.row.first_attempt_at});
  }
  if (!positions.empty()) leases_.open(id, std::move(positions));
  return leased;
}

/// The next to hand out, out of where it waited.
QueueState::TrackedMap::iterator QueueState::next(Timestamp now) {
  for (;;) {
    const bool fresh = fresh_is_next() && tracked_.size() < most_outstanding_;
    const auto place = fresh ? track(fresh_.pop()) : take_ready();
    if (place == tracked_.end()) return place;
    auto& [position, tracked] = *place;
    if (expired(tracked.row.event.stored_at, now)) {
      if (fresh) admit(position, tracked);
      die_waiting(position, tracked, "expired", now);
    } else if (!fresh || room_.acquire(position, tracked.row.event.key)) {
      return place;
    } else {
      make_parked(position, tracked);
    }
  }
}

bool QueueState::fresh_is_next() const {
  const auto* fresh = fresh_.front();
  return fresh != nullptr && fresh->position < room_.first_ready().value_or(std::numeric_limits<Position>::max());
}

QueueState::TrackedMap::iterator QueueState::take_ready() {
  const auto first = room_.first_ready();
  if (!first) return tracked_.end();
  room_.take_ready(*first);
  return tracked_.find(*first);
}

QueueState::TrackedMap::iterator QueueState::track(const Routed& event) {
  const auto place = tracked_.try_emplace(event.position).first;
  place->second.row.event = event;
  return place;
}

/// It takes its place among what waits here.
QueueState::TrackedMap::iterator QueueState::take_in(const Routed& event) {
  const auto place = track(event);
  admit(place->first, place->second);
  return place;
}

void QueueState::admit(Position position, Tracked& tracked) {
  if (room_.acquire(position, tracked.row.event.key)) {
    make_waiting(position, tracked);
  } else {
    make_parked(position, tracked);
  }
}

/// For its time, or for the next consumer.
void QueueState::make_waiting(Position position, Tracked& tracked) {
  if (tracked.row.due == Timestamp{}) return make_ready(position, tracked);
  tracked.phase = Phase::delayed;
  room_.put_delayed(position, tracked.row.due);
}

void QueueState::make_ready(Position position, Tracked& tracked) {
  tracked.phase = Phase::ready;
  room_.put_ready(position);
}

void QueueState::make_parked(Position position, Tracked& tracked) {
  tracked.phase = Phase::parked;
  room_.put_parked(position);
}

void QueueState::revive(const std::vector<Routed>& events) {
  for (const auto& event : events) {
    auto& tracked = tracked_[event.position];
    tracked = {.row = {.event = event}, .has_row = true};
    ++rows_;
    admit(event.position, tracked);
  }
}

void QueueState::set_type(Position position, std::uint32_t type) {
  if (const auto place = tracked_.find(position); place != tracked_.end()) place->second.type = type;
}

/// Also what was handed out before a restart and waits again.
QueueState::Tracked* QueueState::answerable(Position position, std::uint32_t attempt) {
  const auto place = tracked_.find(position);
  if (place == tracked_.end()) {
    if (attempt != 1 || purging_) return nullptr;
    const auto event = fresh_.pick(position);
    return event ? &take_in(*event)->second : nullptr;
  }
  auto& tracked = place->second;
  const bool open = tracked.phase != Phase::delayed && tracked.phase != Phase::settling;
  return open && tracked.row.attempt == attempt ? &tracked : nullptr;
}

bool QueueState::ack(Position position, std::uint32_t attempt) {
  auto* tracked = answerable(position, attempt);
  if (tracked != nullptr) settle(position, *tracked, {.fate = Fate::acked});
  return tracked != nullptr;
}

bool QueueState::nack(Position position, const Failure& failure, Timestamp now) {
  auto* tracked = answerable(position, failure.attempt);
  if (tracked != nullptr) fail(position, *tracked, failure, now);
  return tracked != nullptr;
}

void QueueState::drop(Position position) {
  const auto place = tracked_.find(position);
  if (place == tracked_.end() || place->second.phase == Phase::settling) return;
  settle(position, place->second, {.fate = Fate::purged});
}

QueueState::Tracked* QueueState::leased_as(Position position, std::uint32_t attempt) {
  const auto place = tracked_.find(position);
  if (place == tracked_.end()) return nullptr;
  auto& tracked = place->second;
  return tracked.phase == Phase::in_flight && tracked.row.attempt == attempt ? &tracked : nullptr;
}

bool QueueState::extend(Position position, std::uint32_t attempt, Timestamp until) {
  auto* tracked = leased_as(position, attempt);
  if (tracked == nullptr) return false;
  leases_.close(tracked->lease);
  tracked->lease = leases_.name(until);
  leases_.open(tracked->lease, {position});
  return true;
}

bool QueueState::give_back(Position position, std::uint32_t attempt) {
  auto* tracked = leased_as(position, attempt);
  if (tracked == nullptr) return false;
  leases_.close(tracked->lease);
  --in_flight_;
  make_ready(position, *tracked);
  return true;
}

void QueueState::purge() {
  purge_requested_ = purging_ = true;
  for (auto& [position, tracked] : tracked_) {
    if (tracked.phase == Phase::in_flight || tracked.phase == Phase::settling) continue;
    settle(position, tracked, {.fate = Fate::purged});
  }
}

void QueueState::fail(Position position, Tracked& tracked, const Failure& failure, Timestamp now) {
  const auto outcome = judge(definition_.retry, failure, std::generate_canonical<double, 32>(random_));
  if (!outcome.wait) return die(position, tracked, outcome.reason, now);
  settle(position, tracked, {.fate = Fate::retried, .due = now + *outcome.wait, .failed_at = now});
}

void QueueState::die(Position position, Tracked& tracked, std::string_view reason, Timestamp now) {
  settle(position, tracked, {.fate = Fate::dead, .failed_at = now, .reason = std::string(reason)});
}

/// Of what waits: the attempt that would have been its next one was not made.
void QueueState::die_waiting(Position position, Tracked& tracked, std::string_view reason, Timestamp now) {
  die(position, tracked, reason, now);
  pending_.back().waited = true;
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

void QueueState::detach(Position position, const Tracked& tracked) {
  if (tracked.phase == Phase::ready) room_.take_ready(position);
  if (tracked.phase == Phase::parked) room_.take_parked(position);
  if (tracked.phase == Phase::delayed) room_.take_delayed(position, tracked.row.due);
  if (tracked.phase == Phase::in_flight) leases_.close(tracked.lease);
}

void QueueState::tick(Timestamp now) {
  end_leases(now);
  while (const auto due = room_.take_due(now)) {
    auto& tracked = tracked_.find(*due)->second;
    tracked.row.due = {};
    make_ready(*due, tracked);
  }
  expire(now);
  enforce_length(now);
}

void QueueState::end_leases(Timestamp now) {
  for (const auto& [id, positions] : leases_.take_ended(now)) {
    for (const auto position : positions) {
      const auto place = tracked_.find(position);
      if (place == tracked_.end()) continue;
      auto& tracked = place->second;
      if (tracked.phase != Phase::in_flight || tracked.lease != id) continue;
      fail(position, tracked, {.attempt = tracked.row.attempt, .lease_ended = true}, now);
      pending_.back().lease_ended = true;
    }
  }
}

bool QueueState::expired(Timestamp stored_at, Timestamp now) const {
  return definition_.message_ttl && stored_at + *definition_.message_ttl <= now;
}

void QueueState::expire(Timestamp now) {
  if (!definition_.message_ttl || purging_) return;
  while (fresh_.front() != nullptr && expired(fresh_.front()->stored_at, now)) {
    const auto place = take_in(fresh_.pop());
    die_waiting(place->first, place->second, "expired", now);
  }
  while (const auto first = room_.first_ready()) {
    const auto place = tracked_.find(*first);
    if (!expired(place->second.row.event.stored_at, now)) break;
    die_waiting(place->first, place->second, "expired", now);
  }
}

void QueueState::enforce_length(Timestamp now) {
  if (!definition_.max_length || definition_.overflow != Overflow::drop_oldest || purging_) return;
  while (length() > *definition_.max_length) {
    const auto oldest = take_oldest();
    if (oldest == tracked_.end()) return;
    die_waiting(oldest->first, oldest->second, "max_length", now);
  }
}

/// The oldest that waits, where it waits.
QueueState::TrackedMap::iterator QueueState::take_oldest() {
  const auto oldest = room_.oldest();
  const auto* fresh = fresh_.front();
  if (fresh == nullptr || (oldest && *oldest < fresh->position)) {
    return oldest ? tracked_.find(*oldest) : tracked_.end();
  }
  return take_in(fresh_.pop());
}

std::optional<Timestamp> QueueState::next_due() const {
  std::optional<Timestamp> due;
  const auto consider = [&due](Timestamp time) { due = std::min(due.value_or(time), time); };
  if (const auto end = leases_.next_end()) consider(*end);
  if (const auto delayed = room_.next_due()) consider(*delayed);
  if (!definition_.message_ttl || purging_) return due;
  if (const auto* fresh = fresh_.front()) consider(fresh->stored_at + *definition_.message_ttl);
  if (const auto first = room_.first_ready())
    consider(tracked_.find(*first)->second.row.event.stored_at + *definition_.message_ttl);
  return due;
}

void QueueState::compose(Settlement& settlement) {
  settlement.purge = std::exchange(purge_requested_, false);
  settlement.settlings = std::exchange(pending_, {});
  for (const auto& settling : settlement.settlings) {
    const auto& tracked = tracked_.find(settling.position)->second;
    if (settling.fate == Fate::retried) {
      settlement.rows.push_back(retried_row(settling, tracked.row));
      continue;
    }
    if (tracked.has_row) settlement.settled_rows.push_back(settling.position);
    if (settling.fate != Fate::dead) continue;
    const auto first = tracked.row.first_failed_at == Timestamp{} ? settling.failed_at : tracked.row.first_failed_at;
    const auto attempts = settling.waited ? tracked.row.attempt - 1 : tracked.row.attempt;
    settlement.dead_letters.push_back({settling.position, settling.reason, attempts, first, settling.failed_at});
  }
}

OutstandingRow QueueState::retried_row(const Settling& settling, OutstandingRow row) {
  ++row.attempt;
  row.due = settling.due;
  if (row.first_failed_at == Timestamp{}) row.first_failed_at = settling.failed_at;
  row.last_failed_at = settling.failed_at;
  return row;
}

void QueueState::finish(const Settlement& commit) {
  for (const auto& row : commit.rows) {
    auto& tracked = tracked_.find(row.event.position)->second;
    if (!tracked.has_row) ++rows_;
    tracked.has_row = true;
    tracked.row = row;
  }
  for (const auto& settling : commit.settlings) {
    auto& tracked = tracked_.find(settling.position)->second;
    if (tracked.before == Phase::in_flight) --in_flight_;
    if (settling.fate != Fate::retried) {
      forget(settling.position, tracked);
    } else if (tracked.before == Phase::parked) {
      make_parked(settling.position, tracked);
    } else {
      make_waiting(settling.position, tracked);
    }
  }
  if (commit.purge) purging_ = false;
}

void QueueState::forget(Position position, const Tracked& tracked) {
  if (tracked.has_row) --rows_;
  const auto key = tracked.row.event.key;
  tracked_.erase(position);
  const auto heir = room_.pass_on(position, key);
  if (!heir) return;
  auto& next = tracked_.find(*heir)->second;
  if (next.phase == Phase::settling) {
    next.before = Phase::ready;
  } else {
    detach(*heir, next);
    make_waiting(*heir, next);
  }
}

void QueueState::abort(const Settlement& commit, Timestamp now) {
  std::map<Timestamp, std::vector<Position>> leases;
  for (const auto& settling : commit.settlings) {
    auto& tracked = tracked_.find(settling.position)->second;
    tracked.phase = tracked.before;
    if (tracked.phase == Phase::in_flight) {
      leases[std::max(tracked.lease.until, now)].push_back(settling.position);
      continue;
    }
    if (tracked.phase == Phase::parked) {
      make_parked(settling.position, tracked);
    } else {
      make_waiting(settling.position, tracked);
    }
    if (purging_ && !commit.purge) settle(settling.position, tracked, {.fate = Fate::purged});
  }
  for (auto& [until, positions] : leases) {
    const auto id = leases_.name(until);
    for (const auto position : positions) tracked_.find(position)->second.lease = id;
    leases_.open(id, std::move(positions));
  }
  if (commit.purge) purging_ = false;
}

std::optional<Timestamp> QueueState::oldest_stored_at() const {
  std::optional<Timestamp> oldest;
  if (rows_ == 0) return oldest;
  for (const auto& entry : tracked_) {
    const auto& tracked = entry.second;
    if (tracked.has_row) oldest = std::min(oldest.value_or(tracked.row.event.stored_at), tracked.row.event.stored_at);
  }
  return oldest;
}

}  // namespace eventbus::delivery
