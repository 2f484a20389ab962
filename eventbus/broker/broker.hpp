#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "eventbus/broker/credit.hpp"
#include "eventbus/core/cursor.hpp"
#include "eventbus/core/error.hpp"
#include "eventbus/core/event.hpp"
#include "eventbus/core/queue.hpp"

namespace eventbus {

namespace asio = boost::asio;

/// One attempt to hand one event to one consumer of one queue.
struct Delivery {
  std::string delivery_id;  ///< Opaque; valid until the lease ends.
  std::uint32_t attempt = 1;
  Timestamp first_attempt_at{};
  bool replayed = false;
  StoredEvent event;
};

/// A queue's definition and where it stands.
struct QueueInfo {
  QueueDefinition definition;
  bool paused = false;
  std::uint64_t ready = 0;      ///< Waiting, deliverable now.
  std::uint64_t in_flight = 0;  ///< Delivered, neither acknowledged nor expired.
  std::uint64_t delayed = 0;    ///< Waiting for a retry's time.
  std::uint64_t dead_letters = 0;
  std::uint64_t consumers = 0;            ///< Receives waiting or deliveries' holders right now.
  std::optional<Timestamp> oldest_since;  ///< When the oldest unsettled event came; none when the queue is empty.
};

/// How many dead letters a redrive is about.
struct RedriveOutcome {
  std::uint64_t matched = 0;
  std::uint64_t redriven = 0;  ///< Go back into the queue: of `matched`, what it has room for.
  bool operator==(const RedriveOutcome&) const = default;
};

enum class DeclareOutcome : std::uint8_t { created, unchanged, updated };

/// What acknowledgements did. Ids that are unknown, settled or expired are listed, never an error: the event is either
/// done or will be delivered again.
struct Settled {
  std::uint64_t settled = 0;
  std::vector<std::string> unknown;
};

struct NackOptions {
  bool requeue = true;                             ///< false: straight to the dead letters.
  std::optional<std::chrono::milliseconds> delay;  ///< Instead of the backoff.
  std::string reason;                              ///< Kept with a dead letter; empty: "rejected" or "max_retries".
};

struct DeadLetter {
  StoredEvent event;
  std::string reason;  ///< "max_retries", "rejected", "expired", "max_length", "lease_expired", or the consumer's own.
  std::uint32_t attempts = 0;
  Timestamp first_failed_at{};
  Timestamp last_failed_at{};
};

struct DeadLetterPage {
  std::vector<DeadLetter> dead_letters;  ///< By position.
  std::optional<DeadLetterCursor> next;  ///< Go on after it.
};

/// Which dead letters. Exactly one of the three is given.
struct DeadLetterSelection {
  std::vector<std::string> event_ids;
  std::string reason;
  bool all = false;
};

/// Room that was reserved in the queues that a publish will reach. Given back when destroyed; counted as used by
/// `take`.
class Admission {
 public:
  virtual ~Admission() = default;
};

/// Durable topic routing, queues, deliveries, retries and dead letters. All members are called on the event-loop
/// thread; coroutines resume there. What an awaited call reports as done survives kill -9. Storage trouble throws
/// `Unavailable`. A queue that doesn't exist is `unknown_queue`.
class Broker {
 public:
  virtual ~Broker() = default;

  /// Restores every queue. Called once, before anything else.
  virtual asio::awaitable<void> start() = 0;
  /// Moves time along (retries, leases, expiry, catching up) until `stop`.
  virtual asio::awaitable<void> run() = 0;
  /// Ends `run` and every waiting `receive` (empty). Idempotent.
  virtual void stop() = 0;

  /// Refuses with `queue_full` when an event routed so would exceed the max_length of a queue with overflow `reject`;
  /// else reserves `count` places (null when no limited queue matches).
  virtual Result<std::unique_ptr<Admission>> admit(std::string_view exchange, std::string_view routing_key,
                                                   std::uint64_t count) = 0;
  /// Takes over events just committed, in commit order without gaps between calls; routes them and wakes consumers.
  virtual void take(std::span<const StoredEvent> events) = 0;

  virtual asio::awaitable<Result<DeclareOutcome>> declare(QueueDefinition definition) = 0;
  virtual asio::awaitable<Result<void>> remove(std::string queue) = 0;
  /// Drops everything ready or delayed; returns how many. Deliveries in flight stay.
  virtual asio::awaitable<Result<std::uint64_t>> purge(std::string queue) = 0;
  /// Paused queues accept events but deliver none.
  virtual asio::awaitable<Result<void>> set_paused(std::string queue, bool paused) = 0;
  virtual asio::awaitable<std::vector<QueueInfo>> list() = 0;
  virtual asio::awaitable<Result<QueueInfo>> info(std::string queue) = 0;
  /// Every queue as this instance knows it, counts perhaps a little old. Immediate.
  virtual std::vector<QueueInfo> last_known() = 0;

  /// What the credit allows, as soon as there is something, or none at `deadline`. Each is leased for the queue's lease
  /// time.
  virtual asio::awaitable<Result<std::vector<Delivery>>> receive(std::string queue, Credit credit,
                                                                 std::chrono::steady_clock::time_point deadline) = 0;
  /// Done with them; durable when it returns.
  virtual asio::awaitable<Result<Settled>> ack(std::string queue, std::vector<std::string> delivery_ids) = 0;
  /// Failed: retried after the backoff (or `delay`), a dead letter after max_retries retries or without requeue.
  virtual asio::awaitable<Result<Settled>> nack(std::string queue, std::vector<std::string> delivery_ids,
                                                NackOptions options) = 0;
  /// Moves the end of the leases to `lease` from now. Not durable: after a crash every delivery is delivered again.
  virtual asio::awaitable<Result<Settled>> extend(std::string queue, std::vector<std::string> delivery_ids,
                                                  std::chrono::milliseconds lease) = 0;
  /// The consumer is gone before it saw them: ready again at once, without counting an attempt.
  virtual void give_back(std::string_view queue, std::span<const std::string> delivery_ids) = 0;

  /// `cursor_lost` where the dead letters lie in a log that was put back from a copy older than `after`.
  virtual asio::awaitable<Result<DeadLetterPage>> dead_letters(std::string queue, DeadLetterCursor after,
                                                               std::size_t limit) = 0;
  /// Dead letters back into the queue as fresh events (attempt 1), at most `events_per_second` (0: at once). A queue
  /// that refuses what is too much takes what it has room for. With `dry_run` nothing happens. A throttled redrive goes
  /// on after the call returned.
  virtual asio::awaitable<Result<RedriveOutcome>> redrive(std::string queue, DeadLetterSelection selection,
                                                          std::uint32_t events_per_second, bool dry_run) = 0;
  /// As `redrive`; returns how many matched.
  virtual asio::awaitable<Result<std::uint64_t>> delete_dead_letters(std::string queue, DeadLetterSelection selection,
                                                                     std::uint32_t events_per_second, bool dry_run) = 0;
};

}  // namespace eventbus
