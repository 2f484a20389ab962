#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "eventbus/amqp/connection_settings.hpp"
#include "eventbus/broker/broker.hpp"
#include "eventbus/broker/broker_clock.hpp"
#include "eventbus/broker/broker_metrics.hpp"
#include "eventbus/broker/event_sink.hpp"
#include "eventbus/broker/event_source.hpp"
#include "eventbus/postgres/connection_pool.hpp"
#include "eventbus/runtime/dependency_guard.hpp"
#include "eventbus/store/event_store.hpp"
#include "eventbus/store/outbox.hpp"

namespace eventbus {

struct RabbitMqSettings {
  amqp::ConnectionSettings connection;
  /// Messages of a queue that one instance holds at most, those included that are leased.
  std::uint16_t prefetch = 4000;
  /// The same for an ordered queue, which holds as many whenever it can. The same in all instances, always.
  std::uint16_t ordered_prefetch = 1000;
  /// For one operation on the server, waiting for a connection included.
  std::chrono::milliseconds timeout{10000};
  /// How often the server's counts are looked at, and, twice as often, other instances' changes.
  std::chrono::milliseconds refresh{1000};
  /// Consumers that nobody asks any more give their messages back after this.
  std::chrono::milliseconds idle{2000};
  /// How long another instance may take to settle what it delivered, before it counts as unknown.
  std::chrono::milliseconds patience{5000};
  /// Queues whose messages become events; see `sources`.
  std::vector<std::string> ingest_queues = {};
  std::size_t max_event_bytes = std::size_t{1} << 20U;  ///< Of those events.
};

/// The broker on RabbitMQ: quorum queues, whose definitions all instances share through PostgreSQL. Events reach it
/// through `sink`, from the relay; `take` only counts them. Each instance leases what it consumes itself; what another
/// one delivered is settled there, on its behalf. When an instance or its connection dies, RabbitMQ delivers again what
/// was not acknowledged, with the same attempt.
class RabbitMqBroker final : public Broker {
 public:
  RabbitMqBroker(const asio::any_io_executor& loop, EventStore& store, Outbox& outbox,
                 postgres::ConnectionPool& database, BrokerMetrics& metrics, RabbitMqSettings settings,
                 BrokerClock clock = steady_utc_clock());
  ~RabbitMqBroker() override;

  /// Where the relay publishes.
  EventSink& sink();
  /// One for each ingest queue. They live as long as the broker.
  std::vector<EventSource*> sources();
  bool connected() const;
  DependencyGuard& guard() const;
  std::string trouble() const;
  int connections() const;  ///< Established ones.

  /// Prepares the database. RabbitMQ may be away: what is missing there is made once it is back. One that refuses us
  /// until somebody changes something throws `Unavailable`.
  asio::awaitable<void> start() override;
  asio::awaitable<void> run() override;
  void stop() override;
  Result<std::unique_ptr<Admission>> admit(std::string_view exchange, std::string_view routing_key,
                                           std::uint64_t count) override;
  void take(std::span<const StoredEvent> events) override;
  asio::awaitable<Result<DeclareOutcome>> declare(QueueDefinition definition) override;
  asio::awaitable<Result<void>> remove(std::string queue) override;
  asio::awaitable<Result<std::uint64_t>> purge(std::string queue) override;
  asio::awaitable<Result<void>> set_paused(std::string queue, bool paused) override;
  std::vector<QueueInfo> last_known() override;
  asio::awaitable<std::vector<QueueInfo>> list() override;
  asio::awaitable<Result<QueueInfo>> info(std::string queue) override;
  asio::awaitable<Result<std::vector<Delivery>>> receive(std::string queue, Credit credit,
                                                         std::chrono::steady_clock::time_point deadline) override;
  asio::awaitable<Result<Settled>> ack(std::string queue, std::vector<std::string> delivery_ids) override;
  asio::awaitable<Result<Settled>> nack(std::string queue, std::vector<std::string> delivery_ids,
                                        NackOptions options) override;
  asio::awaitable<Result<Settled>> extend(std::string queue, std::vector<std::string> delivery_ids,
                                          std::chrono::milliseconds lease) override;
  void give_back(std::string_view queue, std::span<const std::string> delivery_ids) override;
  asio::awaitable<Result<DeadLetterPage>> dead_letters(std::string queue, DeadLetterCursor after,
                                                       std::size_t limit) override;
  asio::awaitable<Result<RedriveOutcome>> redrive(std::string queue, DeadLetterSelection selection,
                                                  std::uint32_t events_per_second, bool dry_run) override;
  asio::awaitable<Result<std::uint64_t>> delete_dead_letters(std::string queue, DeadLetterSelection selection,
                                                             std::uint32_t events_per_second, bool dry_run) override;

 private:
  struct Parts;
  std::shared_ptr<Parts> parts_;
};

}  // namespace eventbus
