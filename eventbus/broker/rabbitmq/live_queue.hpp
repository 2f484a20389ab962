#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "eventbus/amqp/connection.hpp"
#include "eventbus/broker/broker_metrics.hpp"
#include "eventbus/broker/rabbitmq/delivery_buffer.hpp"
#include "eventbus/broker/rabbitmq/instance_board.hpp"
#include "eventbus/broker/rabbitmq/prefetch_demand.hpp"
#include "eventbus/broker/rabbitmq/queue_catalog.hpp"
#include "eventbus/broker/rabbitmq/topology.hpp"
#include "eventbus/delivery/admissions.hpp"
#include "eventbus/delivery/queue_meters.hpp"
#include "eventbus/runtime/signal.hpp"

namespace eventbus::rabbitmq {

/// A message that came from RabbitMQ.
struct Arrival {
  DeliveryBuffer::Serial serial;
  HeldMessage message;
  bool again;  ///< RabbitMQ had handed it out before.
};

/// What is known of the oldest message of a queue that nobody consumes.
struct QueueHead {
  std::optional<Timestamp> since = {};  ///< When it came, or was first noticed.
  bool known = false;                   ///< Not only noticed.
  std::chrono::steady_clock::time_point known_at{};
  std::optional<std::chrono::steady_clock::time_point> looked_at = {};
  std::chrono::steady_clock::time_point watched_since{};
  std::uint64_t ready = 0;  ///< So many messages were there last.
  bool looking = false;
};

/// A queue as this instance serves it. Whoever awaits something holds a LiveQueuePtr and looks at `removed` afterwards.
struct LiveQueue {
  LiveQueue(const asio::any_io_executor& loop, BrokerMetrics& broker_metrics, QueueRecord shared,
            std::uint16_t most_prefetched)
      : record(std::move(shared)),
        buffer(record.definition.ordered),
        demand(most_prefetched),
        metrics(broker_metrics, record.definition.name),
        arrived(loop),
        filled(loop),
        moved(loop),
        taken_in(loop) {}

  const std::string& name() const { return record.definition.name; }
  /// Nobody removes it, and nobody has.
  bool wanted() const {
    return !removed && (!record.removed_until || std::chrono::steady_clock::now() >= *record.removed_until);
  }
  /// What waits may become a dead letter without anybody asking for it.
  bool gives_up_by_itself() const {
    const auto& definition = record.definition;
    return definition.message_ttl || (definition.max_length && definition.overflow == Overflow::drop_oldest);
  }
  /// Whom an admission is asked of, where the queue refuses what is too much.
  delivery::LimitedQueue limited() const {
    return {name(), record.definition.max_length.value_or(0), length() + arriving.size() + others.arriving, reserved};
  }
  std::uint64_t room() const { return delivery::room(record.definition, limited()); }
  /// While the past is put into it, what is new may come before it: an ordered queue is not delivered then.
  bool may_be_consumed() const { return wanted() && !(record.definition.ordered && record.backfilled_to); }

  QueueRecord record;
  DeliveryBuffer buffer;
  PrefetchDemand demand;
  delivery::QueueMeters metrics;
  std::shared_ptr<amqp::Consumer> consumer;     ///< While somebody consumes here.
  std::uint16_t prefetch = 0;                   ///< Of the consumer; 0: what comes is for others.
  DeliveryBuffer::Serial prefetched_after = 0;  ///< What came later counts against it.
  std::uint16_t demanded = 0;                   ///< Of what the prefetch is as much as there was room for.
  std::map<std::string, HeldRetry> held;        ///< Of an ordered queue: retries of what may come.
  Signal arrived;                               ///< Something is deliverable, or the queue is gone.
  Signal filled;                                ///< Messages came from the server.
  /// Messages that come again, until it is known whether they became dead letters before, and those behind them.
  std::deque<Arrival> unsifted;
  bool sifting = false;
  std::uint64_t losses = 0;           ///< How often everything went back to RabbitMQ.
  std::multiset<std::string> moving;  ///< Entries on their way to the database.
  Signal moved;                       ///< Some have arrived there, or not.
  bool taking_in = false;             ///< What rests in the dead-letter queue.
  Signal taken_in;
  std::uint64_t held_retries = 0;  ///< Of an ordered queue: those that the database knows and whose time has not come.
  std::uint64_t dead_letters = 0;  ///< As of the last look at the database.
  bool backfilling = false;
  bool removed = false;
  std::uint64_t receivers = 0;
  std::chrono::steady_clock::time_point last_receive{};  ///< When one ended.
  std::chrono::steady_clock::time_point last_settled{};
  bool unasked_for(std::chrono::milliseconds time) const {
    return receivers == 0 && std::chrono::steady_clock::now() - last_receive > time;
  }

  QueueHead head;
  ServerCounts counts;          ///< As of the last look at the server.
  std::uint64_t moves = 0;      ///< How often messages went to the server, came from it or went back.
  std::set<Position> arriving;  ///< Where it refuses what is too much: stored here, and not seen to have come to it.
  QueueShare others;            ///< What all other instances have shown last.
  bool had_most = false;        ///< No other instance held more of what waits, by what all had shown last,
  bool has_most = false;        ///< and the time before: so the others know.
  /// What this instance has to drop, by two looks: where several count, one alone may count a message twice that moves.
  std::uint64_t seen_excess = 0;
  std::uint64_t former_excess = 0;
  delivery::Reserved reserved = delivery::none_reserved();
  /// How many are too many, without the delayed ones: one that comes back would count twice until the next look.
  std::uint64_t excess() const {
    const auto all = counts.ready + waiting() + others.ready;
    return all - std::min(all, record.definition.max_length.value_or(all));
  }
  /// After a look at the server.
  void note_excess() {
    seen_excess = has_most ? std::min(former_excess, excess()) : 0;
    former_excess = has_most ? excess() : 0;
  }
  /// What counts against the queue's max_length, without what is arriving.
  std::uint64_t length() const {
    return counts.ready + counts.delayed + waiting() + buffer.held() + others.ready + others.delayed;
  }
  /// All that the server hands out for now is leased.
  bool is_used_up() const {
    return waiting() == 0 && buffer.arrived_after(prefetched_after) + unsifted.size() >= prefetch;
  }
  /// Here, ready.
  std::uint64_t waiting() const { return buffer.waiting() + unsifted.size(); }
  /// Of what is here, or on the server while nobody consumes it; if it is known.
  std::optional<Timestamp> oldest_since() const { return head.known ? head.since : buffer.oldest_entered_at(); }
  /// RabbitMQ has all of them again.
  void lose() {
    ++moves;
    ++losses;
    unsifted.clear();
    buffer.clear();
  }
};

using LiveQueuePtr = std::shared_ptr<LiveQueue>;

}  // namespace eventbus::rabbitmq
