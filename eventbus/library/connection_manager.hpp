#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "eventbus/core/error.hpp"

namespace eventbus {

namespace asio = boost::asio;

class RabbitMqLink;

/// The connections of a program to RabbitMQ: one for publishing and one for consuming, because a server that is low on
/// memory stops reading from those that publish. Each has a thread of its own, on which the channels of all publishers
/// and subscribers are multiplexed. Once connected, a lost connection is made again for ever, the hosts of the URL in
/// turn, with exponential backoff and jitter. All members may be called from any thread. Must outlive the publishers
/// and subscribers that use it.
class RabbitMQConnectionManager {
 public:
  /// `url`: amqp://user:password@host:5672/vhost, amqps:// for TLS, several hosts separated by commas.
  /// `retry_delay` is the longest wait after the first failure; it doubles with each further one, up to 30 s.
  explicit RabbitMQConnectionManager(std::string url, std::uint32_t max_retries = 5,
                                     std::chrono::milliseconds retry_delay = std::chrono::seconds{1});
  ~RabbitMQConnectionManager();
  RabbitMQConnectionManager(const RabbitMQConnectionManager&) = delete;
  RabbitMQConnectionManager& operator=(const RabbitMQConnectionManager&) = delete;

  /// Returns once both connections are up. Errors: `invalid` for the URL; `unavailable` after `max_retries` further
  /// attempts have failed, and at once when the server refuses us, a wrong password say. Nothing is tried any more
  /// then.
  Result<void> connect();
  asio::awaitable<Result<void>> async_connect();
  /// Blocks until both are closed. What is under way fails with `unavailable`; stop subscribers before.
  void disconnect();
  bool is_connected() const;
  /// What went wrong last, in one line without secrets; empty when nothing did.
  std::string trouble() const;

 private:
  friend class EventPublisher;
  friend class EventSubscriber;
  std::unique_ptr<RabbitMqLink> link_;
};

}  // namespace eventbus
