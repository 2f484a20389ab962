#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "eventbus/amqp/connection.hpp"
#include "eventbus/amqp/server_refusal.hpp"
#include "eventbus/broker/rabbitmq/queue_catalog.hpp"
#include "eventbus/core/queue.hpp"
#include "eventbus/runtime/dependency_guard.hpp"
#include "eventbus/runtime/signal.hpp"

namespace eventbus::rabbitmq {

/// The server's messages of one queue, beside those that instances hold.
struct ServerCounts {
  bool missing = false;  ///< The server has no such queue.
  std::uint64_t ready = 0;
  std::uint64_t delayed = 0;
  std::uint64_t resting = 0;  ///< In the dead-letter queue: not taken into the database yet.
};

/// Makes and removes what a queue is on the RabbitMQ server: the quorum queue and its bindings, the dead-letter
/// exchange and queue, the delay queues. Everything may be repeated. For the event-loop thread. Throws `Unavailable`,
/// also where the server holds something of the same name with other properties.
class Topology {
 public:
  /// `changed` tells of `guard` and `connection`.
  Topology(amqp::Connection& connection, DependencyGuard& guard, Signal& changed, std::chrono::milliseconds timeout)
      : connection_(connection), guard_(guard), changed_(changed), timeout_(timeout) {}

  /// Returns when there is a connection, and at the latest when an operation would give up waiting for one. Throws
  /// `BreakerOpen` as soon as it isn't worth waiting.
  asio::awaitable<void> until_connected();

  /// A topic exchange, once. `exchange_conflict`: one of another type is there; one that differs otherwise is good.
  asio::awaitable<Result<void>> ensure_exchange(std::string exchange);
  /// The same for all of them, looking at the server again; the error names the first binding that can't be made so.
  asio::awaitable<Result<void>> ensure_exchanges(std::vector<Binding> bindings);
  /// Asked before each queue that is made or deleted; throws when it may not be any more.
  using GoOn = std::function<asio::awaitable<void>()>;
  enum class QueueFound : std::uint8_t { missing, there, made };
  /// Queue and dead-letter queue; no bindings yet. Exchanges too, where there is none. `missing`: one of the queues is,
  /// and may not be made; `made`: the queue was, with or without the other. Whoever makes one must know that nobody
  /// deletes it: RabbitMQ 3.10 ends the connection of who declares a quorum queue that is being deleted, and may keep a
  /// queue that ends all which consume it.
  asio::awaitable<QueueFound> ensure_queue(QueueDefinition definition, bool may_make = true, GoOn go_on = {});
  /// Where what the queue gives up rests; not bound to an exchange.
  asio::awaitable<void> ensure_dead_letter_queue(std::string queue);
  /// A queue for messages that become events, and its dead-letter queue. One that is there with other properties is
  /// left as it is: false. True: what is rejected goes to the dead letters.
  asio::awaitable<bool> ensure_ingest_queue(std::string queue);
  asio::awaitable<void> bind(std::string queue, std::vector<Binding> bindings);
  asio::awaitable<void> unbind(std::string queue, std::vector<Binding> bindings);
  /// Whether a delay queue was made lately, and is good for a publish within the next minutes.
  bool has_retry_queue(std::string_view queue, std::chrono::milliseconds step) const;
  /// Name of the delay queue for at least `step`. Good for a publish within the next minutes.
  asio::awaitable<std::string> ensure_retry_queue(std::string queue, std::chrono::milliseconds step);
  asio::awaitable<void> remove(QueueRecord record, GoOn go_on);
  /// What was ready or delayed is gone; how many messages that were.
  asio::awaitable<std::uint64_t> purge(QueueRecord record);
  /// `gone`: the delay queues of the record that the server has removed, because nothing used them for long.
  asio::awaitable<ServerCounts> count(QueueRecord record, std::vector<std::chrono::milliseconds>& gone);
  /// Whether the server says that there is no such queue.
  asio::awaitable<bool> is_gone(std::string queue);
  asio::awaitable<std::uint64_t> ready(std::string queue);
  /// The server may have lost what was made: another connection, another node.
  void forget();

 private:
  amqp::Deadline deadline() const { return std::chrono::steady_clock::now() + timeout_; }
  asio::awaitable<void> declare(amqp::QueueSpec queue);
  asio::awaitable<bool> is_there(std::string queue);
  template <class T>
  asio::awaitable<T> ask(asio::awaitable<T> operation) {
    co_await until_connected();
    co_return co_await guarded<amqp::Refused>(guard_, std::move(operation));
  }

  amqp::Connection& connection_;
  DependencyGuard& guard_;
  Signal& changed_;
  std::chrono::milliseconds timeout_;
  std::map<std::string, Result<void>> exchanges_;                      ///< As they were found, or made.
  std::map<std::string, std::chrono::steady_clock::time_point> made_;  ///< Delay queues: when.
};

/// Where the dead letters of a queue are published.
std::string dead_letter_exchange_of(const QueueDefinition& definition);

}  // namespace eventbus::rabbitmq
