#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "eventbus/amqp/message.hpp"

namespace eventbus::amqp {

namespace asio = boost::asio;

/// Whom a consumer calls, on the loop, one call after the other.
struct ConsumerHandler {
  std::function<void(std::vector<ReceivedMessage>)> on_messages;
  /// The generation is over: deliveries that were not settled are the server's again, and will come anew.
  std::function<void()> on_lost;
  /// Something is wrong and goes on being tried, such as "the queue was deleted".
  std::function<void(std::string)> on_trouble;
};

/// Carries calls from the connection's thread to the loop. After `silence` on the loop there are none.
class ConsumerCalls : public std::enable_shared_from_this<ConsumerCalls> {
 public:
  /// `loop` runs one call at a time.
  ConsumerCalls(asio::any_io_executor loop, ConsumerHandler handler)
      : loop_(std::move(loop)), handler_(std::move(handler)) {}

  void messages(std::vector<ReceivedMessage> batch);
  void lost();
  void trouble(std::string text);
  void silence() { silent_ = true; }

 private:
  asio::any_io_executor loop_;
  ConsumerHandler handler_;
  std::atomic<bool> silent_ = false;
};

}  // namespace eventbus::amqp
