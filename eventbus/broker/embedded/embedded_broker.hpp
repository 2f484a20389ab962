#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "eventbus/broker/broker.hpp"
#include "eventbus/broker/broker_clock.hpp"
#include "eventbus/broker/broker_metrics.hpp"
#include "eventbus/store/event_store.hpp"

namespace eventbus {

namespace sqlite {
class Database;
}
namespace embedded {
class QueueStorage;
}

struct BrokerSettings {
  /// Ready events a queue keeps at hand (32 bytes each). Raising it makes scans of a backlog fewer and larger.
  std::size_t window = 4096;
  /// Events of one queue that are in flight, delayed, held back by their ordering key or redriven (about 300 bytes
  /// each). At the limit no other event of the log comes in until some are settled, and what was redriven doesn't wait
  /// for those before it. Redriving fills half of it.
  std::size_t max_outstanding = 262144;
  /// First attempts that were overtaken by later acknowledgements: so many are written with each commit of a queue
  /// (5 to 13 bytes each); older ones get a row of their own.
  std::size_t max_gaps = 2048;
  /// Events kept in memory for delivery, newest first, and again as much for queues that lag.
  std::size_t cache_bytes = std::size_t{8} << 20U;
  /// Counters are written at least every so many events: a start counts at most that many for each queue.
  std::uint64_t checkpoint_events = 20000;
  /// Events of the log that one read looks through: what they are routed by, or all of them where a queue wants most.
  std::size_t routes_per_read = 8192;
  std::size_t events_per_read = 2048;
};

/// Queues as cursors over the event log, in the same SQLite file. See docs/adr/0003. Memory depends on windows and on
/// what is outstanding, not on backlogs. All members on the event-loop thread; `store` and `database` must outlive it.
class EmbeddedBroker final : public Broker {
 public:
  /// Migrates its tables (blocking). Throws std::runtime_error as `Database::migrate`.
  EmbeddedBroker(asio::any_io_executor executor, EventStore& store, sqlite::Database& database, BrokerMetrics& metrics,
                 BrokerSettings settings = {}, BrokerClock clock = steady_utc_clock());
  /// With another storage of queue state, for tests of failing disks.
  EmbeddedBroker(asio::any_io_executor executor, EventStore& store, std::unique_ptr<embedded::QueueStorage> storage,
                 BrokerMetrics& metrics, BrokerSettings settings, BrokerClock clock);
  ~EmbeddedBroker() override;

  asio::awaitable<void> start() override;
  /// After `stop` it writes the counters and waits for background work, then returns.
  asio::awaitable<void> run() override;
  void stop() override;
  /// Does what is due now: retries, ended leases, expired events. `run` calls it in time.
  void tick();
  /// Waits until nothing is written, read or moved in the background.
  asio::awaitable<void> idle();

  Result<std::unique_ptr<Admission>> admit(std::string_view exchange, std::string_view routing_key,
                                           std::uint64_t count) override;
  void take(std::span<const StoredEvent> events) override;

  asio::awaitable<Result<DeclareOutcome>> declare(QueueDefinition definition) override;
  asio::awaitable<Result<void>> remove(std::string queue) override;
  asio::awaitable<Result<std::uint64_t>> purge(std::string queue) override;
  asio::awaitable<Result<void>> set_paused(std::string queue, bool paused) override;
  asio::awaitable<std::vector<QueueInfo>> list() override;
  asio::awaitable<Result<QueueInfo>> info(std::string queue) override;
  std::vector<QueueInfo> last_known() override;

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
  std::unique_ptr<Parts> parts_;
};

}  // namespace eventbus
