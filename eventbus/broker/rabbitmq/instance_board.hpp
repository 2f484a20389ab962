#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "eventbus/broker/rabbitmq/delivery_id.hpp"
#include "eventbus/core/event.hpp"
#include "eventbus/postgres/connection_pool.hpp"

namespace eventbus::rabbitmq {

namespace asio = boost::asio;

/// What one instance holds of a queue, beside what lies on the server.
struct QueueShare {
  std::uint64_t ready = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t delayed = 0;
  std::uint64_t arriving = 0;  ///< Stored by it, and not known to have come to the server.
  std::uint64_t consumers = 0;
  std::uint64_t asked = 0;               ///< Whether somebody asked for events lately: 1.
  std::optional<Timestamp> oldest = {};  ///< When the oldest of these came.

  QueueShare& operator+=(const QueueShare& other);
  bool operator==(const QueueShare&) const = default;
};

/// By the ids of queues; those without anything are left out.
using QueueShares = std::map<std::int64_t, QueueShare>;

/// Where the instances that share a database show each other what they hold. What is shown is lost when the database
/// crashes, and shown again by the next `exchange`. For the event-loop thread; all members throw `Unavailable`.
class InstanceBoard {
 public:
  InstanceBoard(postgres::ConnectionPool& pool, InstanceId self, std::chrono::milliseconds timeout)
      : pool_(pool), self_(self), timeout_(timeout) {}

  asio::awaitable<void> migrate();
  /// Shows what this instance holds; returns what the others that run have shown in the last seconds.
  asio::awaitable<std::map<InstanceId, QueueShares>> exchange(QueueShares own);
  /// Forgets those that do not run any more.
  asio::awaitable<void> tidy();

 private:
  postgres::ConnectionPool& pool_;
  InstanceId self_;
  std::chrono::milliseconds timeout_;
};

}  // namespace eventbus::rabbitmq
