#include "eventbus/delivery/waiting_room.hpp"

namespace eventbus::delivery {

WaitingRoom::Kind WaitingRoom::next(bool full) const {
  const auto first = first_ready();
  if (full) return first ? Kind::entry : Kind::none;
  return earlier(first);
}

WaitingRoom::Kind WaitingRoom::oldest() const {
  return earlier(oldest_entry());
}

/// The fresh events or the entry.
WaitingRoom::Kind WaitingRoom::earlier(const std::optional<Seat>& entry) const {
  const auto* fresh = fresh_.front();
  if (fresh != nullptr && (!entry || seat_of(*fresh) < *entry)) return Kind::fresh;
  return entry && entry->place.at <= fresh_.reached() ? Kind::entry : Kind::none;
}

bool WaitingRoom::acquire(Seat seat, std::uint64_t key) {
  return !ordered_ || key == 0 || keys_.acquire(key, seat);
}

void WaitingRoom::put_ready(Seat seat) {
  all_.insert(seat);
  ready_.insert(seat);
}

void WaitingRoom::put_parked(Seat seat) {
  all_.insert(seat);
  ++parked_;
}

void WaitingRoom::put_delayed(Seat seat, Timestamp due) {
  all_.insert(seat);
  delayed_.emplace(due, seat);
}

void WaitingRoom::take_ready(Seat seat) {
  all_.erase(seat);
  ready_.erase(seat);
}

void WaitingRoom::take_parked(Seat seat) {
  all_.erase(seat);
  --parked_;
}

void WaitingRoom::take_delayed(Seat seat, Timestamp due) {
  all_.erase(seat);
  delayed_.erase({due, seat});
}

std::optional<Seat> WaitingRoom::pass_on(Seat seat, std::uint64_t key) {
  if (!ordered_ || key == 0) return std::nullopt;
  return keys_.release(key, seat);
}

std::optional<Seat> WaitingRoom::take_due(Timestamp now) {
  if (delayed_.empty() || delayed_.begin()->first > now) return std::nullopt;
  const auto seat = delayed_.extract(delayed_.begin()).value().second;
  all_.erase(seat);
  return seat;
}

std::optional<Timestamp> WaitingRoom::next_due() const {
  return delayed_.empty() ? std::nullopt : std::optional(delayed_.begin()->first);
}

}  // namespace eventbus::delivery
