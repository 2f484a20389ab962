#pragma once

#include <map>
#include <optional>
#include <span>
#include <vector>

#include "eventbus/broker/embedded/dead_letter_desk.hpp"
#include "eventbus/broker/embedded/delivery_id.hpp"
#include "eventbus/broker/embedded/embedded_broker.hpp"
#include "eventbus/broker/embedded/queue_filler.hpp"
#include "eventbus/broker/embedded/queue_writer.hpp"

namespace eventbus {

/// What the EmbeddedBroker is made of, and the steps that its operations share.
struct EmbeddedBroker::Parts {
  Parts(asio::any_io_executor executor_of, EventStore& store_of, std::unique_ptr<embedded::QueueStorage> storage_of,
        BrokerMetrics& metrics_of, BrokerSettings settings_of, BrokerClock clock_of);

  class Defining;

  static std::unexpected<Error> unknown(std::string_view queue);
  /// Null when there is none.
  embedded::QueuePtr find(std::string_view queue) const;
  embedded::QueuePtr open(const embedded::StoredQueue& stored);
  void close(const embedded::QueuePtr& queue);
  QueueInfo describe(const embedded::Queue& queue) const;
  asio::awaitable<void> create(QueueDefinition definition);
  asio::awaitable<void> redefine(embedded::QueuePtr queue, QueueDefinition definition);
  void apply(const embedded::QueuePtr& queue, const QueueDefinition& definition);

  /// Whether some queue wanted it.
  bool route(const StoredEvent& stored);
  void count_published(std::span<const StoredEvent> events, const std::vector<bool>& wanted);

  /// What is due now for one queue, then its waiting receives.
  void advance(const embedded::QueuePtr& queue);
  /// Hands ready events to waiting receives, first come, first served, in equal shares.
  void serve(const embedded::QueuePtr& queue);
  /// Fills the queue and does what that makes due, like dropping what is too much; whether anything came.
  bool fill(const embedded::QueuePtr& queue);
  /// Receives that waited only for a lagging queue go home when there is nothing for them.
  void send_home(embedded::Queue& queue);
  std::vector<delivery::Leased> lease(const embedded::QueuePtr& queue, std::size_t max);
  /// Wakes `run` in time for what is next due in the queue.
  void arm(const embedded::Queue& queue);
  void checkpoint(std::uint64_t behind);
  asio::awaitable<void> count_tail();
  /// As many of the first of these as the credit pays for; the others go back.
  asio::awaitable<std::vector<Delivery>> deliver(embedded::QueuePtr queue, std::vector<delivery::Leased> leased,
                                                 Credit credit);
  /// The events of the first of these, as many as the store reads at a time; null for what it has no more.
  asio::awaitable<std::vector<StoredEvent>> events_of(std::span<const delivery::Leased> leased);
  Delivery hand_out(embedded::Queue& queue, const delivery::Leased& leased, StoredEvent event);
  void lose(embedded::Queue& queue, const delivery::Leased& leased);
  void give_back(const embedded::QueuePtr& queue, std::span<const delivery::Leased> leased);
  /// Deliveries from before a restart may lie behind what was read back yet.
  asio::awaitable<void> recall(embedded::QueuePtr queue, const std::vector<std::optional<embedded::DeliveryId>>& ids);

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
  embedded::QueueWriter writer;
  embedded::QueueFiller filler;
  embedded::DeadLetterDesk dead_letter_desk;
};

}  // namespace eventbus
