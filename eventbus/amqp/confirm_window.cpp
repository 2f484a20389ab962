#include "eventbus/amqp/confirm_window.hpp"

#include <algorithm>

namespace eventbus::amqp {

std::size_t ConfirmWindow::identity_of(std::string_view exchange, std::string_view routing_key,
                                       std::string_view message_id, std::string_view body) {
  std::size_t identity = 17;
  for (const auto part : {exchange, routing_key, message_id, body})
    identity = identity * 1000003U + std::hash<std::string_view>{}(part);
  return identity == 0 ? 1 : identity;
}

void ConfirmWindow::sent(Sent message) {
  slots_.push_back({.sent = message});
  ++unconfirmed_;
}

bool ConfirmWindow::returned(std::size_t identity) {
  const auto matches = [identity](const Slot& slot) {
    return !slot.settled && !slot.returned && slot.sent.identity == identity;
  };
  const auto skipped = std::min<std::uint64_t>(after_return_ > first_ ? after_return_ - first_ : 0, slots_.size());
  const auto middle = slots_.begin() + static_cast<std::ptrdiff_t>(skipped);
  auto found = std::find_if(middle, slots_.end(), matches);
  if (found == slots_.end()) {
    found = std::find_if(slots_.begin(), middle, matches);
    if (found == middle) return false;
  }
  found->returned = true;
  after_return_ = first_ + static_cast<std::uint64_t>(found - slots_.begin()) + 1;
  return true;
}

void ConfirmWindow::acked(std::uint64_t number, bool multiple, std::vector<Settled>& out) {
  settle(number, multiple, Fate::confirmed, out);
}

void ConfirmWindow::nacked(std::uint64_t number, bool multiple, std::vector<Settled>& out) {
  settle(number, multiple, Fate::nacked, out);
}

void ConfirmWindow::settle(std::uint64_t number, bool multiple, Fate fate, std::vector<Settled>& out) {
  const auto last = first_ + slots_.size() - 1;
  if (multiple && number == 0) number = last;  // AMQP 0-9-1: zero with `multiple` means all so far.
  if (number < first_ || (number > last && !multiple)) return;
  const auto end = static_cast<std::ptrdiff_t>(std::min(number, last) - first_ + 1);
  const auto begin = multiple ? 0 : end - 1;
  std::for_each(slots_.begin() + begin, slots_.begin() + end, [&](Slot& slot) { settle(slot, fate, out); });
  while (!slots_.empty() && slots_.front().settled) {
    slots_.pop_front();
    ++first_;
  }
}

void ConfirmWindow::settle(Slot& slot, Fate fate, std::vector<Settled>& out) {
  if (slot.settled) return;
  slot.settled = true;
  --unconfirmed_;
  out.push_back({slot.sent.message, slot.returned ? Fate::returned : fate});
}

void ConfirmWindow::lost(std::vector<Settled>& out) {
  for (auto& slot : slots_) settle(slot, Fate::unknown, out);
  slots_.clear();
  first_ = 1;
  after_return_ = 1;
}

}  // namespace eventbus::amqp
