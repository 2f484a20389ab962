#include "eventbus/cli/bench/ledger.hpp"

namespace eventbus::cli {
namespace {

constexpr std::uint8_t is_published = 1;
constexpr std::uint8_t is_acknowledged = 2;
constexpr std::uint8_t is_refused = 4;
constexpr std::uint8_t is_delivered = 8;

}  // namespace

Ledger::Ledger(std::uint32_t producers, std::uint64_t events_each, std::uint32_t consumers, bool ordered)
    : events_each_(events_each),
      producers_(producers),
      ordered_(ordered),
      states_(producers * events_each),
      expected_(std::size_t{producers} * (ordered ? 1 : consumers)) {}

void Ledger::published(std::uint32_t producer, std::uint64_t number) {
  auto& mark = state(producer, number);
  if ((mark & is_published) == 0) ++totals_.published;
  mark |= is_published;
}

void Ledger::acknowledged(std::uint32_t producer, std::uint64_t number) {
  auto& mark = state(producer, number);
  if ((mark & is_acknowledged) != 0) return;
  mark |= is_acknowledged;
  ++totals_.acknowledged;
  if ((mark & is_delivered) == 0) ++owed_;
}

void Ledger::refused(std::uint32_t producer, std::uint64_t number) {
  state(producer, number) |= is_refused;
  ++totals_.refused;
}

bool Ledger::delivered(std::uint32_t consumer, std::uint32_t producer, std::uint64_t number) {
  if (producer >= producers_ || number >= events_each_) {
    ++totals_.foreign;
    return false;
  }
  auto& mark = state(producer, number);
  if ((mark & is_delivered) != 0) {
    ++totals_.duplicated;
    return false;
  }
  mark |= is_delivered;
  ++totals_.delivered;
  if ((mark & is_acknowledged) != 0) --owed_;
  auto& expected = expected_[(ordered_ ? 0 : std::size_t{consumer} * producers_) + producer];
  if (number < expected) {
    ++totals_.out_of_order;
  } else {
    expected = number + 1;
  }
  return true;
}

void Ledger::read_back(std::uint32_t producer, std::uint64_t number) {
  if (producer >= producers_ || number >= events_each_) return;
  auto& mark = state(producer, number);
  if ((mark & is_delivered) != 0) return;
  mark |= is_delivered;
  ++totals_.read_back;
  if ((mark & is_acknowledged) != 0) --owed_;
}

Ledger::Totals Ledger::totals() const {
  auto totals = totals_;
  totals.lost = owed_;
  totals.unanswered = totals.published - totals.acknowledged - totals.refused;
  return totals;
}

}  // namespace eventbus::cli
