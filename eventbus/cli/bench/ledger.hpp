#pragma once

#include <cstdint>
#include <vector>

namespace eventbus::cli {

/// What became of every event of a run. Each producer numbers its events from 0; a number is sent only after the one
/// before it was answered, so a consumer must see each producer's numbers grow.
class Ledger {
 public:
  struct Totals {
    std::uint64_t published = 0;     ///< Sent at least once.
    std::uint64_t acknowledged = 0;  ///< The server said that they are durable.
    std::uint64_t refused = 0;       ///< The server said no.
    std::uint64_t unanswered = 0;    ///< Sent, but no answer came in the end: may or may not be stored.
    std::uint64_t delivered = 0;     ///< Different events that came back.
    std::uint64_t read_back = 0;     ///< Different events found in the store.
    std::uint64_t lost = 0;          ///< Acknowledged, but neither delivered nor read back.
    std::uint64_t duplicated = 0;    ///< Deliveries beyond the first of an event.
    std::uint64_t out_of_order = 0;  ///< First deliveries with a number below one seen before.
    std::uint64_t foreign = 0;       ///< Deliveries that belong to no event of the run.
  };

  /// `ordered`: over all consumers together; else a consumer compares only what it got itself, since competing
  /// consumers may overtake each other.
  Ledger(std::uint32_t producers, std::uint64_t events_each, std::uint32_t consumers, bool ordered);

  void published(std::uint32_t producer, std::uint64_t number);
  void acknowledged(std::uint32_t producer, std::uint64_t number);
  void refused(std::uint32_t producer, std::uint64_t number);
  /// False for one that is no first delivery of an event of this run.
  bool delivered(std::uint32_t consumer, std::uint32_t producer, std::uint64_t number);

  /// Found in the store; says nothing of order.
  void read_back(std::uint32_t producer, std::uint64_t number);

  /// Every acknowledged event was delivered.
  bool settled() const { return owed_ == 0; }
  std::uint64_t acknowledged_count() const { return totals_.acknowledged; }
  std::uint64_t delivered_count() const { return totals_.delivered; }
  std::uint64_t read_back_count() const { return totals_.read_back; }
  Totals totals() const;

 private:
  std::uint8_t& state(std::uint32_t producer, std::uint64_t number) {
    return states_[(producer * events_each_) + number];
  }

  std::uint64_t events_each_;
  std::uint32_t producers_;
  bool ordered_;
  std::vector<std::uint8_t> states_;
  std::vector<std::uint64_t> expected_;  ///< By consumer and producer: the least number that may come next.
  std::uint64_t owed_ = 0;               ///< Acknowledged and not delivered yet.
  Totals totals_;
};

}  // namespace eventbus::cli
