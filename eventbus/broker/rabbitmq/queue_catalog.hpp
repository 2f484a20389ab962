#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "eventbus/broker/rabbitmq/delivery_id.hpp"
#include "eventbus/broker/rabbitmq/event_message.hpp"
#include "eventbus/core/queue.hpp"
#include "eventbus/postgres/connection_pool.hpp"

namespace eventbus::rabbitmq {

namespace asio = boost::asio;

/// What all instances know of a queue.
struct QueueRecord {
  QueueDefinition definition;
  std::int64_t id = 0;  ///< Another one for each declaration of a name.
  bool paused = false;
  /// Routed events up to this position are not for the queue: it began later, or they were put into it directly.
  Position live_after = 0;
  /// Routed events up to this position were purged, if they came before. One that RabbitMQ hands out again was in
  /// flight then.
  Position purged_to = 0;
  std::optional<Position> backfilled_to = {};                               ///< While the past is being put into it.
  std::optional<std::chrono::steady_clock::time_point> removed_until = {};  ///< An instance removes it.
  std::vector<std::chrono::milliseconds> retry_delays = {};                 ///< Delay queues that were made for it.
};

/// A failed event of an ordered queue that waits, unacknowledged, for its next attempt.
struct HeldRetry {
  Trials trials;
  Timestamp due{};
};

/// The queues' definitions, shared by all instances through the database. For the event-loop thread; all members throw
/// `Unavailable`.
class QueueCatalog {
 public:
  QueueCatalog(postgres::ConnectionPool& pool, std::chrono::milliseconds timeout) : pool_(pool), timeout_(timeout) {}

  asio::awaitable<void> migrate();
  /// Grows with every change of any queue.
  asio::awaitable<std::int64_t> revision();
  asio::awaitable<std::map<std::string, QueueRecord>> load();

  /// False when a queue of this name is there.
  asio::awaitable<bool> insert(QueueRecord record);
  /// False when the definition is not `old` any more.
  asio::awaitable<bool> redefine(QueueDefinition old, QueueDefinition wanted);
  asio::awaitable<void> set_paused(std::string queue, bool paused);
  asio::awaitable<void> set_purged(std::int64_t queue_id, Position purged_to);
  /// Up to where the past is in the queue, if this instance may go on with it: for some seconds, and for longer with
  /// each `set_backfill`. None: nothing is missing, or another instance is at it.
  asio::awaitable<std::optional<Position>> claim_backfill(std::string queue, InstanceId instance);
  /// None: nothing is missing. False: another instance has taken it over meanwhile.
  asio::awaitable<bool> set_backfill(std::string queue, InstanceId instance, std::optional<Position> backfilled_to,
                                     Position live_after);
  asio::awaitable<void> add_retry_delay(std::string queue, std::chrono::milliseconds delay);
  asio::awaitable<void> remove_retry_delay(std::string queue, std::chrono::milliseconds delay);
  enum class Work : std::uint8_t { making, removing };
  /// Nobody else makes or removes a queue of this name on RabbitMQ from now on, for 25 s, and not much longer than the
  /// instance runs. It may claim again, and remove what it made. False: another instance is at it, or a removal by this
  /// one may still be under way.
  asio::awaitable<bool> claim(std::string queue, InstanceId instance, Work work);
  /// For the same time again; throws when the claim has lapsed.
  asio::awaitable<void> prolong(std::string queue, InstanceId instance);
  asio::awaitable<void> release(std::string queue, InstanceId instance);
  /// Ends the claim, too. False when it has lapsed.
  asio::awaitable<bool> remove(std::string queue, InstanceId instance);

  asio::awaitable<void> hold(std::string queue, std::string event_id, HeldRetry retry);
  asio::awaitable<void> unhold(std::string queue, std::vector<std::string> event_ids);
  asio::awaitable<std::map<std::string, HeldRetry>> held(std::string queue);
  /// By queue, how many are not due yet.
  asio::awaitable<std::map<std::string, std::uint64_t>> count_held();

 private:
  asio::awaitable<postgres::Rows> run(postgres::Statement statement);
  asio::awaitable<std::int64_t> change(postgres::Statement statement);

  postgres::ConnectionPool& pool_;
  std::chrono::milliseconds timeout_;
};

}  // namespace eventbus::rabbitmq
