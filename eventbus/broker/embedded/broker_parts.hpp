#pragma once

#include <map>
#include <span>
#include <vector>

#include "eventbus/broker/embedded/dead_letter_desk.hpp"
#include "eventbus/broker/embedded/embedded_broker.hpp"
#include "eventbus/broker/embedded/queue_filler.hpp"

namespace eventbus {

/// What the EmbeddedBroker is made of, and the steps that its operations share.
struct EmbeddedBroker::Parts {
  Parts(asio::any_io_executor executor_of, EventStore& store_of, std::unique_ptr<embedded::QueueStorage> storage_of,
        BrokerMetrics& metrics_of, BrokerSettings settings_of, BrokerClock clock_of);

  class Defining;

  /// Null when there is none.
  embedded::QueuePtr find(std::string_view queue) const;
  embedded::QueuePtr open(const embedded::StoredQueue& stored);
  void close(const embedded::QueuePtr& queue);
  asio::awaitable<void> create(QueueDefinition definition);
  asio::awaitable<void> redefine(embedded::QueuePtr queue, QueueDefinition definition);
  void apply(const embedded::QueuePtr& queue, const QueueDefinition& definition);

  /// Whether some queue wanted it.
  bool route(const StoredEvent& stored);
  void count_published(std::span<const StoredEvent> events, const std::vector<bool>& wanted);

  /// Wakes `run` in time.
  void wake_at(Timestamp due);
  void checkpoint(std::uint64_t behind);
  asio::awaitable<void> count_tail();

  asio::any_io_executor executor;
  EventStore& store;
  std::unique_ptr<embedded::QueueStorage> storage;
  BrokerMetrics& metrics;
  BrokerSettings settings;
  BrokerClock clock;

  Position head = 0;
  Position checkpointed = 0;
  bool stopped = false;
  std::map<std::string, embedded::QueuePtr, std::less<>> queues;
  std::vector<embedded::QueuePtr> slots;
  std::vector<delivery::RoutingTable::QueueIndex> free_slots;
  std::vector<embedded::QueuePtr> touched;
  std::size_t limited_queues = 0;  ///< Queues with a max_length.
  delivery::RoutingTable routing;
  embedded::BodyCache cache;
  Signal alarm;
  Signal stopping;
  Signal defined;
  bool defining = false;  ///< One definition changes at a time.
  Timestamp armed = Timestamp::max();
  TaskGroup tasks;
  embedded::QueueFiller filler;
  embedded::Foundation foundation;
  embedded::DeadLetterDesk dead_letter_desk;
};

}  // namespace eventbus
