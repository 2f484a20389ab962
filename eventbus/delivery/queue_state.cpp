#include "eventbus/delivery/queue_state.hpp"

#include <algorithm>
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
    tracked_[row.event.position] = {.stored_at = std::min(row.event.stored_at, now),
                                    .key = row.event.key,
                                    .first_attempt_at = row.first_attempt_at,
                                    .first_failed_at = row.first_failed_at,
                                    .last_failed_at = row.last_failed_at,
                                    .leased_at = {},
                                    .due = row.due_by(now),
                                    .lease = {},
                                    .attempt = row.attempt,
                                    .has_row = true};
  }
  rows_ = rows.size();
  std::vector<Position> positions;
  positions.reserve(tracked_.size());
  for (const auto& entry : tracked_) positions.push_back(entry.first);
  std::ranges::sort(positions);
  for (const auto position : positions) {
    auto& tracked = tracked_.find(position)->second;
    admit(position, tracked);
    if (tracked.phase != Phase::ready || tracked.due <= now) continue;
    room_.take_ready(position);
    make_delayed(position, tracked);
  }
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

/// The next to hand out, out of where it waited.
QueueState::TrackedMap::iterator QueueState::next(Timestamp now) {
  for (;;) {
    const bool fresh = fresh_is_next() && tracked_.size() < most_outstanding_;
    const auto place = fresh ? track(fresh_.pop()) : take_ready();
    if (place == tracked_.end()) return place;
    auto& [position, tracked] = *place;
    if (expired(tracked.stored_at, now)) {
      if (fresh) admit(position, tracked);
      die_unseen(position, tracked, "expired", now);
    } else if (!fresh || room_.acquire(position, tracked.key)) {
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
  place->second.stored_at = event.stored_at;
  place->second.key = event.key;
  return place;
}

void QueueState::admit(Position position, Tracked& tracked) {
  if (room_.acquire(position, tracked.key)) {
    make_ready(position, tracked);
  } else {
    make_parked(position, tracked);
  }
}

void QueueState::make_ready(Position position, Tracked& tracked) {
  tracked.phase = Phase::ready;
  room_.put_ready(position);
}

void QueueState::make_parked(Position position, Tracked& tracked) {
  tracked.phase = Phase::parked;
  room_.put_parked(position);
}

void QueueState::make_delayed(Position position, Tracked& tracked) {
  tracked.phase = Phase::delayed;
  room_.put_delayed(position, tracked.due);
}

void QueueState::revive(const std::vector<Routed>& events) {
  for (const auto& event : events) {
    auto& tracked = tracked_[event.position];
    tracked = {.stored_at = event.stored_at, .key = event.key, .lease = {}, .has_row = true};
    ++rows_;
    admit(event.position, tracked);
  }
}

// What consumers answer.

void QueueState::set_type(Position position, std::uint32_t type) {
  if (const auto place = tracked_.find(position); place != tracked_.end()) place->second.type = type;
}

/// Also what was handed out before a restart and waits again.
QueueState::Tracked* QueueState::answerable(Position position, std::uint32_t attempt) {
  const auto place = tracked_.find(position);
  if (place == tracked_.end()) {
    if (attempt != 1 || purging_) return nullptr;
    const auto event = fresh_.pick(position);
    if (!event) return nullptr;
    auto& tracked = track(*event)->second;
    admit(position, tracked);
    return &tracked;
  }
  auto& tracked = place->second;
  const bool open = tracked.phase != Phase::delayed && tracked.phase != Phase::settling;
  return open && tracked.attempt == attempt ? &tracked : nullptr;
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

QueueState::Tracked* QueueState::in_flight(Position position, std::uint32_t attempt) {
  const auto place = tracked_.find(position);
  if (place == tracked_.end()) return nullptr;
  auto& tracked = place->second;
  return tracked.phase == Phase::in_flight && tracked.attempt == attempt ? &tracked : nullptr;
}

bool QueueState::extend(Position position, std::uint32_t attempt, Timestamp until) {
  auto* tracked = in_flight(position, attempt);
  if (tracked == nullptr) return false;
  leases_.close(tracked->lease);
  tracked->lease = leases_.name(until);
  leases_.open(tracked->lease, {position});
  return true;
}

bool QueueState::give_back(Position position, std::uint32_t attempt) {
  auto* tracked = in_flight(position, attempt);
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
void QueueState::die_unseen(Position position, Tracked& tracked, std::string_view reason, Timestamp now) {
  die(position, tracked, reason, now);
  pending_.back().unseen = true;
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
  if (tracked.phase == Phase::parked) room_.take_parked(position, tracked.key);
  if (tracked.phase == Phase::delayed) room_.take_delayed(position, tracked.due);
  if (tracked.phase == Phase::in_flight) leases_.close(tracked.lease);
}

// What time does: leases end, retries fall due, events expire; and queues that grew too long.

void QueueState::tick(Timestamp now) {
  end_leases(now);
  while (const auto due = room_.take_due(now)) make_ready(*due, tracked_.find(*due)->second);
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
      fail(position, tracked, {.attempt = tracked.attempt, .lease_ended = true}, now);
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
    const auto place = track(fresh_.pop());
    admit(place->first, place->second);
    die_unseen(place->first, place->second, "expired", now);
  }
  while (const auto first = room_.first_ready()) {
    const auto place = tracked_.find(*first);
    if (!expired(place->second.stored_at, now)) break;
    die_unseen(place->first, place->second, "expired", now);
  }
}

void QueueState::enforce_length(Timestamp now) {
  if (!definition_.max_length || definition_.overflow != Overflow::drop_oldest || purging_) return;
  while (waiting() > *definition_.max_length) {
    const auto oldest = take_oldest();
    if (oldest == tracked_.end()) return;
    die_unseen(oldest->first, oldest->second, "max_length", now);
  }
}

/// The oldest that waits, where it waits.
QueueState::TrackedMap::iterator QueueState::take_oldest() {
  const auto oldest = room_.oldest();
  const auto* fresh = fresh_.front();
  if (fresh == nullptr || (oldest && *oldest < fresh->position)) {
    return oldest ? tracked_.find(*oldest) : tracked_.end();
  }
  const auto place = track(fresh_.pop());
  admit(place->first, place->second);
  return place;
}

std::optional<Timestamp> QueueState::next_due() const {
  std::optional<Timestamp> due;
  const auto consider = [&due](Timestamp time) { due = std::min(due.value_or(time), time); };
  if (const auto end = leases_.next_end()) consider(*end);
  if (const auto delayed = room_.next_due()) consider(*delayed);
  if (!definition_.message_ttl || purging_) return due;
  if (const auto* fresh = fresh_.front()) consider(fresh->stored_at + *definition_.message_ttl);
  if (const auto first = room_.first_ready())
    consider(tracked_.find(*first)->second.stored_at + *definition_.message_ttl);
  return due;
}

// What is written, and what follows from that.

void QueueState::compose(Settlement& settlement) {
  purge_requested_ = false;
  settlement.settlings = std::exchange(pending_, {});
  for (const auto& settling : settlement.settlings) {
    const auto& tracked = tracked_.find(settling.position)->second;
    if (settling.fate == Fate::retried) {
      settlement.rows.push_back(retried_row(settling, tracked));
      continue;
    }
    if (tracked.has_row) settlement.settled_rows.push_back(settling.position);
    if (settling.fate != Fate::dead) continue;
    const auto first = tracked.first_failed_at == Timestamp{} ? settling.failed_at : tracked.first_failed_at;
    const auto attempts = settling.unseen ? tracked.attempt - 1 : tracked.attempt;
    settlement.dead_letters.push_back({settling.position, settling.reason, attempts, first, settling.failed_at});
  }
}

OutstandingRow QueueState::retried_row(const Settling& settling, const Tracked& tracked) {
  const bool failed_before = tracked.first_failed_at != Timestamp{};
  return {.event = {settling.position, tracked.stored_at, tracked.key},
          .attempt = tracked.attempt + 1,
          .due = settling.due,
          .first_attempt_at = tracked.first_attempt_at,
          .first_failed_at = failed_before ? tracked.first_failed_at : settling.failed_at,
          .last_failed_at = settling.failed_at};
}

void QueueState::finish(const Settlement& commit) {
  for (const auto& row : commit.rows) {
    auto& tracked = tracked_.find(row.event.position)->second;
    if (!tracked.has_row) ++rows_;
    tracked.has_row = true;
    tracked.attempt = row.attempt;
    tracked.due = row.due;
    tracked.first_failed_at = row.first_failed_at;
    tracked.last_failed_at = row.last_failed_at;
  }
  for (const auto& settling : commit.settlings) {
    auto& tracked = tracked_.find(settling.position)->second;
    if (tracked.before == Phase::in_flight) --in_flight_;
    if (settling.fate != Fate::retried) {
      forget(settling.position, tracked);
    } else if (tracked.before == Phase::parked) {
      admit(settling.position, tracked);
    } else {
      make_delayed(settling.position, tracked);
    }
  }
  if (commit.purge) purging_ = false;
}

void QueueState::forget(Position position, const Tracked& tracked) {
  if (tracked.has_row) --rows_;
  const auto key = tracked.key;
  tracked_.erase(position);
  if (const auto heir = room_.pass_on(position, key)) make_ready(*heir, tracked_.find(*heir)->second);
}

void QueueState::abort(const Settlement& commit, Timestamp now) {
  std::map<Timestamp, std::vector<Position>> leases;
  for (const auto& settling : commit.settlings) {
    auto& tracked = tracked_.find(settling.position)->second;
    tracked.phase = tracked.before;
    if (tracked.phase == Phase::ready) make_ready(settling.position, tracked);
    if (tracked.phase == Phase::parked) admit(settling.position, tracked);
    if (tracked.phase == Phase::delayed) make_delayed(settling.position, tracked);
    if (tracked.phase == Phase::in_flight) leases[std::max(tracked.lease.until, now)].push_back(settling.position);
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
    if (tracked.has_row) oldest = std::min(oldest.value_or(tracked.stored_at), tracked.stored_at);
  }
  return oldest;
}

}  // namespace eventbus::delivery
