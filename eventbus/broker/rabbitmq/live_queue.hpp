#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "eventbus/amqp/connection.hpp"
#include "eventbus/broker/broker_metrics.hpp"
#include "eventbus/broker/rabbitmq/delivery_buffer.hpp"
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

/// A queue as this instance serves it. Whoever awaits something holds a LiveQueuePtr and looks at `removed` afterwards.
struct LiveQueue {
  LiveQueue(const asio::any_io_executor& loop, BrokerMetrics& broker_metrics, QueueRecord shared)
      : record(std::move(shared)),
        buffer(record.definition.ordered),
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
  /// Whom an admission is asked of, where the queue refuses what is too much.
  delivery::LimitedQueue limited() const {
    return {name(), record.definition.max_length.value_or(0), length() + arriving, reserved};
  }
  std::uint64_t room() const { return delivery::room(record.definition, limited()); }
  /// While the past is put into it, what is new may come before it: an ordered queue is not delivered then.
  bool may_be_consumed() const { return wanted() && !(record.definition.ordered && record.backfilled_to); }

  QueueRecord record;
  DeliveryBuffer buffer;
  delivery::QueueMeters metrics;
  std::shared_ptr<amqp::Consumer> consumer;  ///< While somebody consumes here.
  std::map<std::string, HeldRetry> held;     ///< Of an ordered queue: retries of what may come.
  Signal arrived;                            ///< Something is deliverable, or the queue is gone.
  Signal filled;                             ///< Messages came from the server.
  /// Messages that come again, until it is known whether they became dead letters before, and those behind them.
  std::deque<Arrival> unsifted;
  bool sifting = false;
  std::uint64_t losses = 0;           ///< How often everything went back to RabbitMQ.
  std::multiset<std::string> moving;  ///< Entries on their way to the database.
  Signal moved;                       ///< Some have arrived there, or not.
  bool taking_in = false;             ///< What rests in the dead-letter queue.
  Signal taken_in;
  std::uint64_t dead_letters = 0;  ///< As of the last look at the database.
  bool backfilling = false;
  bool removed = false;
  std::uint64_t receivers = 0;
  std::chrono::steady_clock::time_point last_receive{};

  ServerCounts counts;         ///< As of the last look at the server.
  std::uint64_t moves = 0;     ///< How often messages went to the server, came from it or went back.
  std::uint64_t arriving = 0;  ///< Published to it since then.
  delivery::Reserved reserved = delivery::none_reserved();
  /// What counts against the queue's max_length, without what was published since the last look.
  std::uint64_t length() const { return counts.ready + counts.delayed + waiting() + buffer.held(); }
  /// Here, ready.
  std::uint64_t waiting() const { return buffer.waiting() + unsifted.size(); }
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
