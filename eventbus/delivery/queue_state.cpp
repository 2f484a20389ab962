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
      room_(definition.ordered, fresh) {}

void QueueState::restore(const std::vector<Routed>& taken, const std::vector<OutstandingRow>& rows, Timestamp now) {
  for (const auto& event : taken) make_ready(track(event));
  std::vector<Seat> tried;
  for (const auto& row : rows) {
    auto& tracked = tracked_[row.seat.entry];
    tracked = {.row = row, .has_row = true};
    tracked.row.event.entered_at = std::min(row.event.entered_at, now);
    tracked.row.due = row.due_by(now);
    if (tracked.row.due <= now) tracked.row.due = {};
    again_ += delivery::entered_again(row.seat.entry) ? 1 : 0;
    turns_ = std::max(turns_, row.seat.place.turn);
    if (row.attempt > 1) {
      tried.push_back(row.seat);
    } else {
      make_ready(tracked);
    }
  }
  rows_ = rows.size();
  std::ranges::sort(tried);
  for (const auto& seat : tried) admit(at(seat));
}

std::vector<Leased> QueueState::lease(std::size_t max, Timestamp now) {
  std::vector<Leased> leased;
  std::vector<EntryId> entries;
  const auto id = leases_.name(now + definition_.lease);
  while (!purging_ && leased.size() < max) {
    auto* tracked = next(now);
    if (tracked == nullptr) break;
    auto& row = tracked->row;
    tracked->phase = Phase::in_flight;
    tracked->lease = id;
    tracked->leased_at = now;
    ++in_flight_;
    entries.push_back(row.seat.entry);
    leased.push_back({row.event, row.seat.entry, row.attempt});
  }
  if (!entries.empty()) leases_.open(id, std::move(entries));
  return leased;
}

/// The next to hand out, out of where it waited.
QueueState::Tracked* QueueState::next(Timestamp now) {
  for (;;) {
    const auto kind = room_.next(full());
    if (kind == WaitingRoom::Kind::none) return nullptr;
    auto& tracked = kind == WaitingRoom::Kind::fresh ? track(fresh_.pop()) : at(*room_.first_ready());
    detach(tracked);
    if (expired(tracked.row.event.entered_at, now)) {
      die_waiting(tracked, "expired", now);
    } else if (room_.acquire(tracked.row.seat, tracked.row.event.key)) {
      return &tracked;
    } else {
      make_parked(tracked);
    }
  }
}

QueueState::Tracked& QueueState::track(const Routed& event) {
  auto& tracked = tracked_[event.position];
  tracked.row.event = event;
  tracked.row.seat = seat_of(event);
  return tracked;
}

QueueState::Tracked* QueueState::find(EntryId entry) {
  const auto place = tracked_.find(entry);
  return place == tracked_.end() ? nullptr : &place->second;
}

/// What is ready stands in the line of its key only from then on.
void QueueState::hold(Tracked& tracked) {
  if (tracked.phase == Phase::ready) detach(tracked);
  if (tracked.phase == Phase::loose) admit(tracked);
}

void QueueState::admit(Tracked& tracked) {
  if (room_.acquire(tracked.row.seat, tracked.row.event.key)) {
    make_waiting(tracked);
  } else {
    make_parked(tracked);
  }
}

/// For its time, or for the next consumer.
void QueueState::make_waiting(Tracked& tracked) {
  if (tracked.row.due == Timestamp{}) return make_ready(tracked);
  tracked.phase = Phase::delayed;
  room_.put_delayed(tracked.row.seat, tracked.row.due);
}

void QueueState::make_ready(Tracked& tracked) {
  tracked.phase = Phase::ready;
  room_.put_ready(tracked.row.seat);
}

void QueueState::make_parked(Tracked& tracked) {
  tracked.phase = Phase::parked;
  room_.put_parked(tracked.row.seat);
}

OutstandingRow QueueState::enter_again(const Routed& event, Position head, EntryId entry) {
  return {.event = event, .seat = {{head, ++turns_}, entry}};
}

void QueueState::revive(const std::vector<OutstandingRow>& rows) {
  for (const auto& row : rows) {
    auto& tracked = tracked_[row.seat.entry];
    tracked = {.row = row, .has_row = true};
    ++rows_;
    ++again_;
    make_ready(tracked);
  }
}

Timestamp QueueState::handed_out(EntryId entry, std::uint32_t type, Timestamp now) {
  auto* tracked = find(entry);
  if (tracked == nullptr) return now;
  auto& first = tracked->row.first_attempt_at;
  if (first == Timestamp{}) first = now;
  tracked->type = type;
  return first;
}

/// Also what was handed out before a restart and waits again.
QueueState::Tracked* QueueState::answerable(EntryId entry, std::uint32_t attempt) {
  if (auto* tracked = find(entry)) {
    const bool open = tracked->phase != Phase::delayed && tracked->phase != Phase::settling;
    if (!open || tracked->row.attempt != attempt) return nullptr;
    hold(*tracked);
    return tracked;
  }
  if (attempt != 1 || purging_) return nullptr;
  const auto event = fresh_.pick(entry);
  if (!event) return nullptr;
  auto& tracked = track(*event);
  hold(tracked);
  return &tracked;
}

bool QueueState::ack(EntryId entry, std::uint32_t attempt) {
  auto* tracked = answerable(entry, attempt);
  if (tracked != nullptr) settle(*tracked, {.fate = Fate::acked});
  return tracked != nullptr;
}

bool QueueState::nack(EntryId entry, const Failure& failure, Timestamp now) {
  auto* tracked = answerable(entry, failure.attempt);
  if (tracked != nullptr) fail(*tracked, failure, now);
  return tracked != nullptr;
}

void QueueState::drop(EntryId entry) {
  auto* tracked = find(entry);
  if (tracked != nullptr && tracked->phase != Phase::settling) settle(*tracked, {.fate = Fate::purged});
}

QueueState::Tracked* QueueState::leased_as(EntryId entry, std::uint32_t attempt) {
  auto* tracked = find(entry);
  const bool leased = tracked != nullptr && tracked->phase == Phase::in_flight && tracked->row.attempt == attempt;
  return leased ? tracked : nullptr;
}

bool QueueState::extend(EntryId entry, std::uint32_t attempt, Timestamp until) {
  auto* tracked = leased_as(entry, attempt);
  if (tracked == nullptr) return false;
  leases_.close(tracked->lease);
  tracked->lease = leases_.name(until);
  leases_.open(tracked->lease, {entry});
  return true;
}

bool QueueState::give_back(EntryId entry, std::uint32_t attempt) {
  auto* tracked = leased_as(entry, attempt);
  if (tracked == nullptr) return false;
  leases_.close(tracked->lease);
  --in_flight_;
  make_ready(*tracked);
  return true;
}

void QueueState::purge() {
  purge_requested_ = purging_ = true;
  for (auto& [entry, tracked] : tracked_) {
    if (tracked.phase == Phase::in_flight || tracked.phase == Phase::settling) continue;
    settle(tracked, {.fate = Fate::purged});
  }
}

void QueueState::fail(Tracked& tracked, const Failure& failure, Timestamp now) {
  const auto outcome = judge(definition_.retry, failure, std::generate_canonical<double, 32>(random_));
  if (!outcome.wait) return die(tracked, outcome.reason, now);
  settle(tracked, {.fate = Fate::retried, .due = now + *outcome.wait, .failed_at = now});
}

void QueueState::die(Tracked& tracked, std::string_view reason, Timestamp now) {
  settle(tracked, {.fate = Fate::dead, .failed_at = now, .reason = std::string(reason)});
}

/// Of what waits: the attempt that would have been its next one was not made.
void QueueState::die_waiting(Tracked& tracked, std::string_view reason, Timestamp now) {
  hold(tracked);
  die(tracked, reason, now);
  pending_.back().waited = true;
}

void QueueState::settle(Tracked& tracked, Settling settling) {
  settling.entry = tracked.row.seat.entry;
  settling.type = tracked.type;
  if (tracked.phase == Phase::in_flight) settling.leased_at = tracked.leased_at;
  tracked.before = tracked.phase;
  detach(tracked);
  tracked.phase = Phase::settling;
  pending_.push_back(std::move(settling));
}

void QueueState::detach(Tracked& tracked) {
  if (tracked.phase == Phase::ready) room_.take_ready(tracked.row.seat);
  if (tracked.phase == Phase::parked) room_.take_parked(tracked.row.seat);
  if (tracked.phase == Phase::delayed) room_.take_delayed(tracked.row.seat, tracked.row.due);
  if (tracked.phase == Phase::in_flight) leases_.close(tracked.lease);
  tracked.phase = Phase::loose;
}

void QueueState::tick(Timestamp now) {
  end_leases(now);
  while (const auto due = room_.take_due(now)) {
    auto& tracked = at(*due);
    tracked.row.due = {};
    make_ready(tracked);
  }
  expire(now);
  enforce_length(now);
}

void QueueState::end_leases(Timestamp now) {
  for (const auto& [id, entries] : leases_.take_ended(now)) {
    for (const auto entry : entries) {
      auto* tracked = find(entry);
      if (tracked == nullptr || tracked->phase != Phase::in_flight || tracked->lease != id) continue;
      fail(*tracked, {.attempt = tracked->row.attempt, .lease_ended = true}, now);
      pending_.back().lease_ended = true;
    }
  }
}

bool QueueState::expired(Timestamp entered_at, Timestamp now) const {
  return definition_.message_ttl && entered_at + *definition_.message_ttl <= now;
}

void QueueState::expire(Timestamp now) {
  if (!definition_.message_ttl || purging_) return;
  while (!full() && fresh_.front() != nullptr && expired(fresh_.front()->entered_at, now)) {
    die_waiting(track(fresh_.pop()), "expired", now);
  }
  while (const auto first = room_.first_ready()) {
    auto& tracked = at(*first);
    if (!expired(tracked.row.event.entered_at, now)) break;
    die_waiting(tracked, "expired", now);
  }
}

void QueueState::enforce_length(Timestamp now) {
  if (!definition_.max_length || definition_.overflow != Overflow::drop_oldest || purging_) return;
  while (length() > *definition_.max_length) {
    auto* oldest = take_oldest();
    if (oldest == nullptr) return;
    die_waiting(*oldest, "max_length", now);
  }
}

/// The oldest that waits, where it waits.
QueueState::Tracked* QueueState::take_oldest() {
  const auto kind = room_.oldest();
  if (kind == WaitingRoom::Kind::entry) return &at(*room_.oldest_entry());
  return kind == WaitingRoom::Kind::none || full() ? nullptr : &track(fresh_.pop());
}

std::optional<Timestamp> QueueState::next_due() const {
  std::optional<Timestamp> due;
  const auto consider = [&due](Timestamp time) { due = std::min(due.value_or(time), time); };
  if (const auto end = leases_.next_end()) consider(*end);
  if (const auto delayed = room_.next_due()) consider(*delayed);
  if (!definition_.message_ttl || purging_) return due;
  if (const auto* fresh = fresh_.front()) consider(fresh->entered_at + *definition_.message_ttl);
  if (const auto first = room_.first_ready()) consider(at(*first).row.event.entered_at + *definition_.message_ttl);
  return due;
}

void QueueState::compose(Settlement& settlement) {
  settlement.purge = std::exchange(purge_requested_, false);
  settlement.settlings = std::exchange(pending_, {});
  for (const auto& settling : settlement.settlings) {
    const auto& tracked = at(settling.entry);
    if (settling.fate == Fate::retried) {
      settlement.rows.push_back(retried(tracked.row, settling));
      continue;
    }
    if (tracked.has_row) settlement.settled_rows.push_back(settling.entry);
    if (settling.fate != Fate::dead) continue;
    settlement.dead_letters.push_back(dead_letter(tracked.row, settling));
  }
}

void QueueState::finish(const Settlement& commit) {
  for (const auto& row : commit.rows) {
    auto& tracked = at(row.seat);
    if (!tracked.has_row) ++rows_;
    tracked.has_row = true;
    tracked.row = row;
  }
  for (const auto& settling : commit.settlings) {
    auto& tracked = at(settling.entry);
    if (tracked.before == Phase::in_flight) --in_flight_;
    if (settling.fate != Fate::retried) {
      forget(tracked);
    } else if (tracked.before == Phase::parked) {
      make_parked(tracked);
    } else {
      make_waiting(tracked);
    }
  }
  if (commit.purge) purging_ = false;
}

void QueueState::forget(const Tracked& tracked) {
  if (tracked.has_row) --rows_;
  if (delivery::entered_again(tracked.row.seat.entry)) --again_;
  const auto seat = tracked.row.seat;
  const auto key = tracked.row.event.key;
  tracked_.erase(seat.entry);
  const auto heir = room_.pass_on(seat, key);
  if (!heir) return;
  auto& next = at(*heir);
  if (next.phase == Phase::settling) {
    next.before = Phase::ready;
  } else {
    detach(next);
    make_waiting(next);
  }
}

void QueueState::abort(const Settlement& commit, Timestamp now) {
  std::map<Timestamp, std::vector<EntryId>> leases;
  for (const auto& settling : commit.settlings) {
    auto& tracked = at(settling.entry);
    tracked.phase = tracked.before;
    if (tracked.phase == Phase::in_flight) {
      leases[std::max(tracked.lease.until, now)].push_back(settling.entry);
      continue;
    }
    if (tracked.phase == Phase::parked) {
      make_parked(tracked);
    } else {
      make_waiting(tracked);
    }
    if (purging_ && !commit.purge) settle(tracked, {.fate = Fate::purged});
  }
  for (auto& [until, entries] : leases) {
    const auto id = leases_.name(until);
    for (const auto entry : entries) at(entry).lease = id;
    leases_.open(id, std::move(entries));
  }
  if (commit.purge) purging_ = false;
}

std::optional<Timestamp> QueueState::oldest_since() const {
  std::optional<Timestamp> oldest;
  if (rows_ == 0) return oldest;
  for (const auto& entry : tracked_) {
    const auto& tracked = entry.second;
    if (tracked.has_row) oldest = std::min(oldest.value_or(tracked.row.event.entered_at), tracked.row.event.entered_at);
  }
  return oldest;
}

}  // namespace eventbus::delivery
