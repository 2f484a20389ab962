#pragma once

#include <deque>
#include <map>
#include <string>

#include "eventbus/broker/broker.hpp"
#include "eventbus/core/topic.hpp"
#include "eventbus/runtime/signal.hpp"

namespace eventbus {

/// For tests of the transport: queues in memory that deliver in order, take acknowledgements and bury what is nacked
/// without requeue. No retries, leases or limits.
class TestBroker final : public Broker {
 public:
  explicit TestBroker(asio::any_io_executor executor) : arrived_(std::move(executor)) {}

  asio::awaitable<void> start() override { co_return; }
  asio::awaitable<void> run() override { co_return; }
  void stop() override { arrived_.notify_all(); }
  Result<std::unique_ptr<Admission>> admit(std::string_view, std::string_view, std::uint64_t) override {
    return nullptr;
  }
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

  /// How many deliveries were given back so far.
  std::size_t given_back() const { return given_back_; }

 private:
  struct Queue {
    QueueInfo info;
    std::deque<StoredEvent> ready;
    std::map<std::string, StoredEvent, std::less<>> in_flight;
    std::vector<DeadLetter> dead;
  };

  static QueueInfo describe(const Queue& queue);
  Result<Queue*> find(std::string_view name);
  Result<Settled> settle(std::string_view name, const std::vector<std::string>& delivery_ids, const NackOptions* nack);
  Result<std::uint64_t> select(std::string_view name, const DeadLetterSelection& selection, bool dry_run, bool again);

  Signal arrived_;
  std::map<std::string, Queue, std::less<>> queues_;
  std::uint64_t deliveries_ = 0;
  std::size_t given_back_ = 0;
};

}  // namespace eventbus
