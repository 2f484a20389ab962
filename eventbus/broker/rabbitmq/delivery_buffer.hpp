#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "eventbus/amqp/message.hpp"
#include "eventbus/broker/credit.hpp"
#include "eventbus/broker/rabbitmq/event_message.hpp"

namespace eventbus::rabbitmq {

/// A message that this instance holds for one queue, not acknowledged to RabbitMQ.
struct HeldMessage {
  amqp::DeliveryTag tag;
  QueuedEvent queued;
};

/// What this instance holds of one queue: messages that wait for a receive, are leased, or wait for the time of a retry
/// (in ordered queues, where a failing event must not be overtaken by later ones of its key). Decides without doing:
/// time is an argument. Messages are named by serial numbers that the caller gives, growing with their arrival.
class DeliveryBuffer {
 public:
  using Serial = std::uint64_t;

  explicit DeliveryBuffer(bool ordered) : ordered_(ordered) {}

  void arrived(Serial serial, HeldMessage message, std::optional<Timestamp> due = std::nullopt);
  /// The next messages to hand out, oldest first, at most one of each ordering key in an ordered queue.
  std::vector<Serial> lease(Credit credit, Timestamp until);
  /// Notes that it is handed out now, which is its first attempt where there was none. It must be leased.
  const QueuedEvent& handed_out(Serial serial, Timestamp now);
  bool extend(Serial serial, Timestamp until);
  /// Names a delivery, one attempt at a message. It must be leased.
  std::uint64_t number_of(Serial serial) const;
  /// The message of a delivery that is leased; none where another attempt is, or nobody has it.
  std::optional<Serial> leased_as(std::uint64_t number) const;
  /// Ready again, before those that arrived after it. False unless it is leased.
  bool give_back(Serial serial);
  /// From now on being settled: answered, and its lease doesn't end. False unless it is leased.
  bool settle(Serial serial);
  /// Null unless it is being settled.
  const HeldMessage* settling(Serial serial) const;
  /// The settling failed: leased again until then.
  void unsettle(Serial serial, Timestamp until);
  /// The settling is done: RabbitMQ has it no more. Without effect after `clear`.
  void remove(Serial serial);
  /// The settling is done: it waits here for its next attempt.
  void hold(Serial serial, Trials trials, Timestamp due);
  /// Those that wait, for their turn or for the time of a retry.
  std::vector<Serial> all_waiting() const;
  /// Of these, what was routed up to the position.
  std::vector<Serial> waiting_routed_to(Position position) const;
  /// Those of them that wait are being settled from now; which.
  std::vector<Serial> purge(const std::vector<Serial>& serials);
  /// The tags of those that wait for their turn, but the oldest `kept`: forgotten here.
  std::vector<amqp::DeliveryTag> take_waiting(std::size_t kept);
  /// Up to `max` of those that wait, oldest first, and that entered before `entered_before`: being settled from now.
  std::vector<Serial> give_up(std::size_t max, Timestamp entered_before);
  /// RabbitMQ has all of them again.
  void clear();

  struct Due {
    std::vector<Serial> ended;  ///< Leases that ended.
    bool ready = false;         ///< Messages became ready.
  };
  Due tick(Timestamp now);
  std::optional<Timestamp> next_due() const;

  bool deliverable() const { return !ready_.empty(); }
  /// Whether what waits here uses the credit up.
  bool covers(Credit credit) const;
  std::size_t waiting() const { return items_.size() - in_flight_ - held_; }
  std::size_t in_flight() const { return in_flight_; }
  std::size_t held() const { return held_; }
  std::size_t size() const { return items_.size(); }
  /// How many of them.
  std::size_t arrived_after(Serial serial) const;
  std::optional<Timestamp> oldest_entered_at() const;

 private:
  enum class State : std::uint8_t { waiting, leased, settling, held };
  struct Item {
    HeldMessage message;
    State state = State::waiting;
    Timestamp until{};
  };
  using Items = std::map<Serial, Item>;

  void enter(Serial serial, Item& item, State state, Timestamp until = {});
  void leave(Serial serial, Item& item);
  void make_ready(Serial serial, const Item& item);
  void forget(Items::iterator place);
  const std::string* key_of(const Item& item) const;
  Item* find(Serial serial, State state);

  bool ordered_;
  Items items_;
  std::set<Serial> ready_;  ///< Waiting, and first of their key.
  std::map<std::string, std::set<Serial>, std::less<>> keys_;
  std::set<std::pair<Timestamp, Serial>> due_;  ///< Leased and held ones.
  std::size_t in_flight_ = 0;
  std::size_t held_ = 0;
};

}  // namespace eventbus::rabbitmq
