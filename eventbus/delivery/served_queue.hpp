#pragma once

#include <algorithm>
#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "eventbus/broker/broker.hpp"
#include "eventbus/broker/broker_clock.hpp"
#include "eventbus/core/part_size.hpp"
#include "eventbus/delivery/admissions.hpp"
#include "eventbus/delivery/delivery_id.hpp"
#include "eventbus/delivery/lane.hpp"
#include "eventbus/delivery/queue_meters.hpp"
#include "eventbus/delivery/settlement_writer.hpp"
#include "eventbus/runtime/task_group.hpp"

namespace eventbus::delivery {

/// What all queues of an engine share.
struct Surroundings {
  asio::any_io_executor executor;
  TaskGroup& tasks;
  BrokerMetrics& metrics;
  const BrokerClock& clock;
};

/// One queue while it is served. Hands out what its state decides to the consumers who ask or wait: first come, first
/// served, in equal shares. Takes their answers, and has written what was decided. The lane owns it, and whoever awaits
/// a member keeps the lane alive. For the event-loop thread.
class ServedQueue {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  /// `id` is never used again for another queue. `fresh` must outlive it.
  ServedQueue(Surroundings surroundings, Lane& lane, FreshEvents& fresh, std::int64_t id, QueueDefinition definition,
              std::size_t most_outstanding);
  ServedQueue(const ServedQueue&) = delete;
  ServedQueue& operator=(const ServedQueue&) = delete;

  // See Broker.
  asio::awaitable<Result<std::vector<Delivery>>> receive(Credit credit, Deadline deadline);
  asio::awaitable<Result<Settled>> ack(std::vector<std::string> delivery_ids);
  asio::awaitable<Result<Settled>> nack(std::vector<std::string> delivery_ids, NackOptions options);
  Settled extend(std::vector<std::string> delivery_ids, std::chrono::milliseconds lease);
  void give_back(std::span<const std::string> delivery_ids);
  QueueInfo info() const;

  /// Does what is due now, then serves those who wait.
  void advance();
  /// The same unless a failed write is rested from.
  void tick();
  /// Has `tick` called in time for what is next due.
  void arm();
  /// Hands what is ready to those who wait.
  void serve();

  void redefine(const QueueDefinition& definition);
  void set_paused(bool paused) { paused_ = paused; }
  void set_dead_letters(std::uint64_t count) { dead_letters_ = count; }
  /// So many are dead letters no more.
  void dead_letters_left(std::uint64_t count) { dead_letters_ -= std::min(dead_letters_, count); }
  /// It is no more: everybody who waits goes home.
  void close();
  /// Everybody who waits goes home.
  void send_home();

  /// Whom an admission is asked of, where the queue refuses what is too much.
  LimitedQueue limited() const {
    return {definition_.name, definition_.max_length.value_or(0), state_.length(), reserved_};
  }
  std::uint64_t room() const { return delivery::room(definition_, limited()); }

  std::int64_t id() const { return id_; }
  const std::string& name() const { return definition_.name; }
  const QueueDefinition& definition() const { return definition_; }
  bool removed() const { return removed_; }
  bool awaited() const { return !waiters_.empty(); }
  QueueState& state() { return state_; }
  SettlementWriter& writer() { return writer_; }

 private:
  struct Waiter;
  class InLine;
  using Ids = std::vector<std::optional<DeliveryId>>;

  /// At most so many, no more at a time than lately were paid for.
  std::vector<Leased> lease(std::size_t max);
  bool fill();
  void end_fruitless_waits();
  asio::awaitable<bool> deliver(std::vector<Leased> leased, Credit& credit, std::vector<Delivery>& deliveries);
  Delivery hand_out(const Leased& leased, StoredEvent event);
  void lose(const Leased& leased);
  void give_back(std::span<const Leased> leased);
  Ids read_ids(std::span<const std::string> texts) const;
  asio::awaitable<void> reach(const Ids& ids);
  void written(const Settlement& settlement);

  Surroundings surroundings_;
  Lane& lane_;
  std::int64_t id_;
  QueueDefinition definition_;
  QueueState state_;
  QueueMeters meters_;
  SettlementWriter writer_;
  Reserved reserved_ = none_reserved();
  std::list<Waiter*> waiters_;
  PartSize part_;  ///< Leased at a time: a consumer's credit is in bytes, too.
  std::uint64_t dead_letters_ = 0;
  bool paused_ = false;
  bool removed_ = false;
};

}  // namespace eventbus::delivery
