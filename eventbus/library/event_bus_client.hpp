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
};

/// What became of deliveries that were settled.
struct Settled {
  std::uint64_t done = 0;
  std::vector<std::string> unknown;  ///< Settled before, or their lease is over: those events come again.
};

/// The service's HTTP API for programs. Each operation exists twice: one that blocks, and one with the prefix `async_`
/// to be awaited on any executor. All may be called from any thread, at most `connections` at a time, further ones wait
/// for their turn. None throws: an error is what the service answered, `unavailable` when it did not.
class EventBusClient {
 public:
  /// `base_url`: http://host:8000, a path behind a proxy included. `timeout` bounds each request.
  explicit EventBusClient(std::string base_url, std::size_t connections = 4,
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

  /// Tried again after the queue's delay, or with `requeue` false given up for `reason`.
  Result<Settled> nack(std::string queue, std::vector<std::string> delivery_ids, bool requeue = true,
                       std::string reason = {});
  asio::awaitable<Result<Settled>> async_nack(std::string queue, std::vector<std::string> delivery_ids,
                                              bool requeue = true, std::string reason = {});

  /// Whether the service can do all it is there for now.
  Result<bool> ready();
  asio::awaitable<Result<bool>> async_ready();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace eventbus
