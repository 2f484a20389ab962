#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "eventbus/core/error.hpp"
#include "eventbus/core/event.hpp"
#include "eventbus/core/queue.hpp"
#include "eventbus/library/event_replay.hpp"

namespace eventbus {

namespace asio = boost::asio;

/// One event of a queue, leased to whoever received it until it is acknowledged.
struct ClientDelivery {
  std::string delivery_id;
  std::uint32_t attempt = 1;
  bool replayed = false;
  StoredEvent event;  ///< Position 0: the API has cursors instead.
  Timestamp first_attempt_at{};
};

/// What became of deliveries that were settled.
struct Settled {
  std::uint64_t done = 0;
  std::vector<std::string> unknown;  ///< Settled before, or their lease is over: those events come again.
};

/// A queue: what was declared, and how many events are where.
struct QueueState {
  QueueDefinition definition;
  bool paused = false;
  std::uint64_t ready = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t delayed = 0;
  std::uint64_t dead_letters = 0;
  std::uint64_t consumers = 0;
  std::optional<double> oldest_age_seconds;  ///< Of what waits; none where nothing does.
};

/// An event that a queue gave up.
struct ClientDeadLetter {
  StoredEvent event;  ///< Position 0. Id or type may be empty where a message was no event.
  std::string reason;
  std::uint32_t attempts = 0;
  Timestamp first_failed_at;
  Timestamp last_failed_at;
};

struct DeadLetterPage {
  std::vector<ClientDeadLetter> dead_letters;
  std::string next_cursor;  ///< Empty at the end.
};

/// Which dead letters: those of these events, or of this reason, or all; exactly one of the three.
struct DeadLetterChoice {
  std::vector<std::string> event_ids = {};
  std::string reason = {};
  bool all = false;
  std::uint32_t events_per_second = 0;  ///< 0: as fast as it goes.
  bool dry_run = false;                 ///< Only counts.
};

struct Redriven {
  std::uint64_t matched = 0;
  std::uint64_t redriven = 0;  ///< Are back in the queue, follow at their pace, or would be there (dry run).
  std::uint64_t left = 0;      ///< Are dead letters still, because the queue is full.
};

class HttpApi;

/// The service's HTTP API for programs. Each operation exists twice: one that blocks, and one with the prefix `async_`
/// to be awaited on any executor, where cancelling breaks the request off. All may be called from any thread. No call
/// waits for another: each has a connection to itself while it is under way, and at most 512 may be, further ones are
/// refused with `too_many_requests`. None throws: an error is what the service answered, with what to do about it;
/// `unavailable` when it did not answer, which leaves open whether it did what was asked. Must outlive its operations
/// and replays.
class EventBusClient {
 public:
  /// `base_url`: http://host:8000, a path behind a proxy included. `connections` are kept open between calls, at most;
  /// higher: fewer are made anew when many calls run at a time. `timeout` bounds each call from its beginning to the
  /// last byte of the answer; time that the service is asked to wait comes on top.
  explicit EventBusClient(std::string base_url, std::size_t connections = 64,
                          std::chrono::milliseconds timeout = std::chrono::seconds{30});
  ~EventBusClient();
  EventBusClient(const EventBusClient&) = delete;
  EventBusClient& operator=(const EventBusClient&) = delete;

  /// True: stored durably, and delivered from here on. False: was there already. After `unavailable` it may be stored
  /// or not: publish it again with the same event id (`make_event` gives it one).
  Result<bool> publish(Event event);
  asio::awaitable<Result<bool>> async_publish(Event event);

  /// Many in one request, one result for each; their `traceparent` is not sent. `atomic`: all or none. At most 100,000
  /// events and 16 MiB.
  std::vector<Result<bool>> publish_batch(std::vector<Event> events, bool atomic = false);
  asio::awaitable<std::vector<Result<bool>>> async_publish_batch(std::vector<Event> events, bool atomic = false);

  /// None when there is no such event.
  Result<std::optional<StoredEvent>> get_event(std::string event_id);
  asio::awaitable<Result<std::optional<StoredEvent>>> async_get_event(std::string event_id);

  /// Stored events page by page in constant memory.
  EventReplay replay(ReplayFilter filter = {});

  /// True: it is new. False: it is there; what may change was changed. `conflict` for what can't.
  Result<bool> declare_queue(QueueDefinition queue);
  asio::awaitable<Result<bool>> async_declare_queue(QueueDefinition queue);

  /// At most `max` (1–1000) deliveries; waits at most `wait` (up to 30 s) for the first one.
  Result<std::vector<ClientDelivery>> receive(std::string queue, std::size_t max = 100,
                                              std::chrono::milliseconds wait = std::chrono::seconds{10});
  asio::awaitable<Result<std::vector<ClientDelivery>>> async_receive(
      std::string queue, std::size_t max = 100, std::chrono::milliseconds wait = std::chrono::seconds{10});

  Result<Settled> ack(std::string queue, std::vector<std::string> delivery_ids);
  asio::awaitable<Result<Settled>> async_ack(std::string queue, std::vector<std::string> delivery_ids);

  /// Tried again after the queue's delay or after `delay`, or with `requeue` false given up for `reason`.
  Result<Settled> nack(std::string queue, std::vector<std::string> delivery_ids, bool requeue = true,
                       std::string reason = {}, std::optional<std::chrono::milliseconds> delay = {});
  asio::awaitable<Result<Settled>> async_nack(std::string queue, std::vector<std::string> delivery_ids,
                                              bool requeue = true, std::string reason = {},
                                              std::optional<std::chrono::milliseconds> delay = {});

  /// Gives the deliveries a new lease of `lease` from now.
  Result<Settled> extend(std::string queue, std::vector<std::string> delivery_ids, std::chrono::milliseconds lease);
  asio::awaitable<Result<Settled>> async_extend(std::string queue, std::vector<std::string> delivery_ids,
                                                std::chrono::milliseconds lease);

  Result<std::vector<QueueState>> list_queues();
  asio::awaitable<Result<std::vector<QueueState>>> async_list_queues();

  /// `unknown_queue` when there is none.
  Result<QueueState> get_queue(std::string queue);
  asio::awaitable<Result<QueueState>> async_get_queue(std::string queue);

  /// With all that is in it, dead letters included.
  Result<void> delete_queue(std::string queue);
  asio::awaitable<Result<void>> async_delete_queue(std::string queue);

  /// Removes what waits in the queue, not from the store; how many events that were.
  Result<std::uint64_t> purge(std::string queue);
  asio::awaitable<Result<std::uint64_t>> async_purge(std::string queue);

  /// A paused queue goes on collecting events and delivers none.
  Result<void> pause(std::string queue);
  asio::awaitable<Result<void>> async_pause(std::string queue);
  Result<void> resume(std::string queue);
  asio::awaitable<Result<void>> async_resume(std::string queue);

  /// At most `limit` (1–1000) of them, after the page whose `next_cursor` this is.
  Result<DeadLetterPage> list_dead_letters(std::string queue, std::size_t limit = 100, std::string cursor = {});
  asio::awaitable<Result<DeadLetterPage>> async_list_dead_letters(std::string queue, std::size_t limit = 100,
                                                                  std::string cursor = {});

  /// Delivers them again, as fresh events. With this and the next operation the service may take up to five minutes.
  Result<Redriven> redrive_dead_letters(std::string queue, DeadLetterChoice choice);
  asio::awaitable<Result<Redriven>> async_redrive_dead_letters(std::string queue, DeadLetterChoice choice);

  /// Removes them from the queue, not from the store; how many that were.
  Result<std::uint64_t> delete_dead_letters(std::string queue, DeadLetterChoice choice);
  asio::awaitable<Result<std::uint64_t>> async_delete_dead_letters(std::string queue, DeadLetterChoice choice);

  /// Whether the process serves; `unavailable` when nobody answers.
  Result<bool> check_health();
  asio::awaitable<Result<bool>> async_check_health();

  /// Whether the service can do all it is there for now.
  Result<bool> ready();
  asio::awaitable<Result<bool>> async_ready();

 private:
  std::unique_ptr<HttpApi> api_;
};

}  // namespace eventbus
