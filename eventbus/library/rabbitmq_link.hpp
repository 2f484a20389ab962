#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "eventbus/amqp/connection.hpp"
#include "eventbus/broker/rabbitmq/topology.hpp"
#include "eventbus/core/error.hpp"
#include "eventbus/library/background_loop.hpp"
#include "eventbus/runtime/dependency_guard.hpp"
#include "eventbus/runtime/signal.hpp"

namespace eventbus {

/// What a RabbitMQConnectionManager, its publishers and its subscribers share. Everything but the loop, `is_connected`
/// and `trouble` is for the loop's thread. Operations throw `Unavailable`, also while not connected.
class RabbitMqLink {
 public:
  /// For one operation, waiting for a lost connection included.
  static constexpr std::chrono::milliseconds timeout{10'000};

  RabbitMqLink(std::string address, std::uint32_t max_retries, std::chrono::milliseconds retry_delay);
  ~RabbitMqLink();
  RabbitMqLink(const RabbitMqLink&) = delete;
  RabbitMqLink& operator=(const RabbitMqLink&) = delete;

  asio::awaitable<Result<void>> connect();
  /// Lets what is under way finish.
  asio::awaitable<void> disconnect();
  bool is_connected() const { return connected_; }
  std::string trouble() const;

  /// The fate of each message. Their exchanges are made first.
  asio::awaitable<Result<std::vector<amqp::Fate>>> publish(std::vector<amqp::Message> messages);
  /// Throws unless a queue took it. Its exchange must exist, unless it is the default one.
  asio::awaitable<void> publish_to_queue(amqp::Message message);
  /// The name of the delay queue for about `delay`, which is by chance.
  asio::awaitable<std::string> ensure_retry_queue(std::string queue, std::chrono::milliseconds delay);
  /// `exchange_conflict`: it would be bound to an exchange of another type than topic.
  asio::awaitable<Result<void>> declare_queue(QueueDefinition definition);
  /// Makes sure that what is given up has a place. `not_found` where there is no such queue.
  asio::awaitable<Result<void>> prepare_consuming(std::string queue);
  std::shared_ptr<amqp::Consumer> consume(std::string queue, std::uint16_t prefetch, amqp::ConsumerHandler handler);

  BackgroundLoop loop;

 private:
  /// One connection and how making it goes.
  struct Line {
    std::unique_ptr<amqp::Connection> connection;
    std::uint32_t failures = 0;     ///< Since `connect`, or the last success.
    std::optional<Error> given_up;  ///< Why `connect` gives up. Attempts go on until it has noticed.
  };
  class Operation;

  void open(const amqp::AmqpUrl& url);
  void open(Line& line, const amqp::ConnectionSettings& settings);
  void failed(Line& line, const amqp::LinkFailure& failure);
  void look();

  std::string address_;
  std::uint32_t max_retries_;
  std::chrono::milliseconds retry_delay_;
  Signal changed_{loop.executor()};
  Line publishing_;
  Line consuming_;
  std::optional<DependencyGuard> guard_;
  std::optional<rabbitmq::Topology> topology_;  ///< While there are connections.
  std::size_t operations_ = 0;                  ///< Under way.
  bool closing_ = false;
  std::atomic<bool> connected_ = false;
  mutable std::mutex mutex_;
  std::string trouble_;
};

}  // namespace eventbus
