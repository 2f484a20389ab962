#include "eventbus/broker/rabbitmq/delivery_buffer.hpp"

#include <algorithm>

namespace eventbus::rabbitmq {
namespace {

constexpr unsigned attempt_bits = 8;
constexpr std::uint64_t attempt_mask = (1U << attempt_bits) - 1;

}  // namespace

const std::string* DeliveryBuffer::key_of(const Item& item) const {
  const auto& key = item.message.queued.event.event->ordering_key;
  return ordered_ && !key.empty() ? &key : nullptr;
}

DeliveryBuffer::Item* DeliveryBuffer::find(Serial serial, State state) {
  const auto place = items_.find(serial);
  return place != items_.end() && place->second.state == state ? &place->second : nullptr;
}

void DeliveryBuffer::make_ready(Serial serial, const Item& item) {
  const auto* key = key_of(item);
  if (key == nullptr || *keys_.find(*key)->second.begin() == serial) ready_.insert(serial);
}

void DeliveryBuffer::enter(Serial serial, Item& item, State state, Timestamp until) {
  item.state = state;
  item.until = until;
  if (state == State::leased || state == State::settling) ++in_flight_;
  if (state == State::held) ++held_;
  if (state == State::leased || state == State::held) due_.emplace(until, serial);
  if (state == State::waiting) make_ready(serial, item);
}

void DeliveryBuffer::leave(Serial serial, Item& item) {
  if (item.state == State::leased || item.state == State::settling) --in_flight_;
  if (item.state == State::held) --held_;
  if (item.state == State::leased || item.state == State::held) due_.erase({item.until, serial});
  if (item.state == State::waiting) ready_.erase(serial);
}

void DeliveryBuffer::arrived(Serial serial, HeldMessage message, std::optional<Timestamp> due) {
  auto& item = items_.emplace(serial, Item{.message = std::move(message)}).first->second;
  if (const auto* key = key_of(item)) keys_[*key].insert(serial);
  enter(serial, item, due ? State::held : State::waiting, due.value_or(Timestamp{}));
}

bool DeliveryBuffer::covers(Credit credit) const {
  const auto pays = [&](Serial serial) { return credit.pay(items_.find(serial)->second.message.queued.event); };
  return waiting() >= credit.events || !std::ranges::all_of(ready_, pays);
}

std::vector<DeliveryBuffer::Serial> DeliveryBuffer::lease(Credit credit, Timestamp until) {
  std::vector<Serial> serials;
  while (!ready_.empty()) {
    const auto serial = *ready_.begin();
    auto& item = items_.find(serial)->second;
    if (!credit.pay(item.message.queued.event)) break;
    leave(serial, item);
    enter(serial, item, State::leased, until);
    serials.push_back(serial);
  }
  return serials;
}

const QueuedEvent& DeliveryBuffer::handed_out(Serial serial, Timestamp now) {
  auto& queued = items_.find(serial)->second.message.queued;
  if (queued.trials.first_attempt_at == Timestamp{}) queued.trials.first_attempt_at = now;
  return queued;
}

std::uint64_t DeliveryBuffer::number_of(Serial serial) const {
  const auto attempt = items_.find(serial)->second.message.queued.trials.attempt;
  return serial << attempt_bits | (attempt & attempt_mask);
}

std::optional<DeliveryBuffer::Serial> DeliveryBuffer::leased_as(std::uint64_t number) const {
  const auto serial = number >> attempt_bits;
  const auto place = items_.find(serial);
  const bool leased = place != items_.end() && place->second.state == State::leased;
  return leased && number_of(serial) == number ? std::optional(serial) : std::nullopt;
}

bool DeliveryBuffer::extend(Serial serial, Timestamp until) {
  auto* item = find(serial, State::leased);
  if (item == nullptr) return false;
  leave(serial, *item);
  enter(serial, *item, State::leased, until);
  return true;
}

bool DeliveryBuffer::give_back(Serial serial) {
  auto* item = find(serial, State::leased);
  if (item == nullptr) return false;
  leave(serial, *item);
  enter(serial, *item, State::waiting);
  return true;
}

bool DeliveryBuffer::settle(Serial serial) {
  auto* item = find(serial, State::leased);
  if (item == nullptr) return false;
  leave(serial, *item);
  enter(serial, *item, State::settling);
  return true;
}

void DeliveryBuffer::unsettle(Serial serial, Timestamp until) {
  auto* item = find(serial, State::settling);
  if (item == nullptr) return;
  leave(serial, *item);
  enter(serial, *item, State::leased, until);
}

void DeliveryBuffer::remove(Serial serial) {
  const auto place = items_.find(serial);
  if (place != items_.end()) forget(place);
}

void DeliveryBuffer::forget(Items::iterator place) {
  const auto serial = place->first;
  leave(serial, place->second);
  const auto* key = key_of(place->second);
  auto line = key == nullptr ? keys_.end() : keys_.find(*key);
  items_.erase(place);
  if (line == keys_.end()) return;
  line->second.erase(serial);
  if (line->second.empty()) {
    keys_.erase(line);
    return;
  }
  const auto next = *line->second.begin();
  const auto& item = items_.find(next)->second;
  if (item.state == State::waiting) ready_.insert(next);
}

void DeliveryBuffer::hold(Serial serial, Trials trials, Timestamp due) {
  auto* item = find(serial, State::settling);
  if (item == nullptr) return;
  leave(serial, *item);
  item->message.queued.trials = trials;
  enter(serial, *item, State::held, due);
}

std::vector<DeliveryBuffer::Serial> DeliveryBuffer::all_waiting() const {
  std::vector<Serial> serials;
  for (const auto& [serial, item] : items_) {
    if (item.state == State::waiting || item.state == State::held) serials.push_back(serial);
  }
  return serials;
}

std::vector<DeliveryBuffer::Serial> DeliveryBuffer::waiting_routed_to(Position position) const {
  auto serials = all_waiting();
  std::erase_if(serials, [this, position](Serial serial) {
    const auto& queued = items_.find(serial)->second.message.queued;
    return queued.direct || queued.event.position == 0 || queued.event.position > position;
  });
  return serials;
}

std::vector<DeliveryBuffer::Serial> DeliveryBuffer::purge(const std::vector<Serial>& serials) {
  std::vector<Serial> purged;
  for (const auto serial : serials) {
    const auto place = items_.find(serial);
    if (place == items_.end()) continue;
    auto& item = place->second;
    if (item.state != State::waiting && item.state != State::held) continue;
    leave(serial, item);
    enter(serial, item, State::settling);
    purged.push_back(serial);
  }
  return purged;
}

std::vector<amqp::DeliveryTag> DeliveryBuffer::take_waiting(std::size_t kept) {
  std::vector<amqp::DeliveryTag> taken;
  for (auto place = items_.begin(); place != items_.end();) {
    const auto current = place++;
    if (current->second.state != State::waiting) continue;
    if (kept > 0) {
      --kept;
      continue;
    }
    taken.push_back(current->second.message.tag);
    forget(current);
  }
  return taken;
}

std::size_t DeliveryBuffer::arrived_after(Serial serial) const {
  return static_cast<std::size_t>(std::distance(items_.upper_bound(serial), items_.end()));
}

std::vector<DeliveryBuffer::Serial> DeliveryBuffer::give_up(std::size_t max, Timestamp entered_before) {
  std::vector<Serial> given_up;
  for (auto& [serial, item] : items_) {
    if (given_up.size() == max) break;
    if (item.state != State::waiting || item.message.queued.entered_at() >= entered_before) continue;
    leave(serial, item);
    enter(serial, item, State::settling);
    given_up.push_back(serial);
  }
  return given_up;
}

const HeldMessage* DeliveryBuffer::settling(Serial serial) const {
  const auto place = items_.find(serial);
  return place != items_.end() && place->second.state == State::settling ? &place->second.message : nullptr;
}

void DeliveryBuffer::clear() {
  items_.clear();
  ready_.clear();
  keys_.clear();
  due_.clear();
  in_flight_ = held_ = 0;
}

DeliveryBuffer::Due DeliveryBuffer::tick(Timestamp now) {
  Due due;
  while (!due_.empty() && due_.begin()->first <= now) {
    const auto serial = due_.begin()->second;
    auto& item = items_.find(serial)->second;
    if (item.state == State::leased) {
      due.ended.push_back(serial);
      due_.erase(due_.begin());
      continue;
    }
    leave(serial, item);
    enter(serial, item, State::waiting);
    due.ready = true;
  }
  return due;
}

std::optional<Timestamp> DeliveryBuffer::next_due() const {
  return due_.empty() ? std::nullopt : std::optional(due_.begin()->first);
}

std::optional<Timestamp> DeliveryBuffer::oldest_entered_at() const {
  std::optional<Timestamp> oldest;
  for (const auto& [serial, item] : items_) {
    const auto entered_at = item.message.queued.entered_at();
    if (!oldest || entered_at < *oldest) oldest = entered_at;
  }
  return oldest;
}

}  // namespace eventbus::rabbitmq
