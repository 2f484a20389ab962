#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "eventbus/core/error.hpp"

namespace eventbus {

namespace asio = boost::asio;

/// Remembers in PostgreSQL which events a consumer has handled, across restarts and for all its instances: table
/// eventbus_handled_events, keyed by consumer and event id. All members may be called from any thread; none throws.
/// Like `Deduplicator`, ask first, handle, then remember: an event whose handling failed is not taken for done. A crash
/// between handling and remembering repeats the event; what must not be repeated even then is written in the handler's
/// own transaction, with the event id as its key.
class DurableDeduplicator {
 public:
  /// `url` as in DATABASE_URL. `consumer` has 1 to 255 bytes and names who handles; several instances share it.
  DurableDeduplicator(std::string url, std::string consumer);
  ~DurableDeduplicator();
  DurableDeduplicator(const DurableDeduplicator&) = delete;
  DurableDeduplicator& operator=(const DurableDeduplicator&) = delete;

  /// Makes the table. First of all operations. Idempotent.
  Result<void> initialize_schema();
  asio::awaitable<Result<void>> async_initialize_schema();

  /// Whether the event was remembered.
  Result<bool> contains(std::string event_id);
  asio::awaitable<Result<bool>> async_contains(std::string event_id);

  /// True: remembered, durably. False: it was before, by another instance for example.
  Result<bool> remember(std::string event_id);
  asio::awaitable<Result<bool>> async_remember(std::string event_id);

  /// Forgets what this consumer has remembered for longer than `age`; how many events that were. An event that comes
  /// again after that is handled again, so keep them for longer than events can wait in queues and dead letters.
  Result<std::size_t> forget_older_than(std::chrono::seconds age);
  asio::awaitable<Result<std::size_t>> async_forget_older_than(std::chrono::seconds age);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace eventbus
