#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "eventbus/broker/broker.hpp"

namespace eventbus {

/// What a queue may and must do, in the fewest lines: a vector of events and what became of each. It is told what a
/// broker did and says what was wrong with it, so that brokers are free wherever the port leaves them free (which of
/// several ready events a receive returns after retries, how many at once). Waits are those of `retry_delay` 0 or of a
/// nack's `delay`; times count from the test's start. What comes after a loss (a crash, a cut connection) is as it was
/// before: the same attempt, in the same order. One thread.
class QueueModel {
 public:
  using Time = std::chrono::milliseconds;

  /// `in_order`: events that were not handed out since they entered come in the order in which they did, also from a
  /// queue that is not ordered by key. What is published enters, and what is redriven enters again.
  explicit QueueModel(QueueDefinition definition, bool in_order = true)
      : definition_(std::move(definition)), in_order_(in_order) {}

  void published(const std::string& event_id, const std::string& ordering_key);
  /// What is wrong with the delivery; empty: nothing. It is in flight then.
  std::string delivered(const Delivery& delivery, Time now);
  /// Whether the broker must know the delivery.
  bool acked(const std::string& delivery_id);
  bool nacked(const std::string& delivery_id, bool requeue, Time delay, const std::string& reason, Time now);
  bool given_back(const std::string& delivery_id);
  bool extended(const std::string& delivery_id, Time lease, Time now);
  /// Leases end, retries fall due.
  void advance(Time now);
  /// Whoever held these deliveries is gone, or had to let go of them.
  void lost(const std::vector<std::string>& delivery_ids);
  /// A delivery that was lost or given back may still be known, so that the event is done; but only until an answer to
  /// another delivery of it. False: this one must be unknown.
  bool acked_late(const std::string& delivery_id);
  std::uint64_t purged();
  std::uint64_t redriven(const std::string& reason);
  std::uint64_t deleted(const std::string& reason);

  /// Whether a receive must return something.
  bool deliverable() const;
  std::uint64_t ready() const { return count(State::ready); }
  std::uint64_t in_flight() const { return count(State::in_flight); }
  std::uint64_t delayed() const { return count(State::delayed); }
  std::uint64_t dead() const { return count(State::dead); }
  std::uint64_t dead(const std::string& reason) const;
  /// "event id reason attempts", sorted.
  std::vector<std::string> dead_letters() const;
  /// Delivery ids that are in flight.
  std::vector<std::string> open_deliveries() const;

 private:
  enum class State : std::uint8_t { ready, in_flight, delayed, dead, gone };
  struct Entry {
    std::string event_id;
    std::string ordering_key;
    State state = State::ready;
    std::uint32_t attempt = 1;
    Time until{};  ///< End of the lease or of the delay.
    std::string delivery_id;
    std::string reason;
    std::uint64_t turn = 0;               ///< In which it entered; that of all that are redriven at once.
    bool out_of_order = false;            ///< Was handed out since it entered.
    std::vector<std::string> unanswered;  ///< Deliveries of this attempt that were lost or given back.
  };

  std::uint64_t count(State state) const;
  Entry* in_flight_as(const std::string& delivery_id);
  void fail(Entry& entry, Time delay, const std::string& reason, Time now);
  std::string order_fault(const Entry& entry) const;

  QueueDefinition definition_;
  bool in_order_;
  std::vector<Entry> entries_;  ///< In publish order.
  std::uint64_t turns_ = 0;
  std::map<std::string, std::size_t> places_;
};

}  // namespace eventbus
