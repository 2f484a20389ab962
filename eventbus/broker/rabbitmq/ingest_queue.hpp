#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "eventbus/amqp/connection.hpp"
#include "eventbus/broker/event_source.hpp"
#include "eventbus/broker/rabbitmq/event_publisher.hpp"
#include "eventbus/broker/rabbitmq/topology.hpp"
#include "eventbus/runtime/signal.hpp"

namespace eventbus::rabbitmq {

/// A queue of RabbitMQ whose messages are publish requests. Several instances may share it. It is declared durable with
/// a dead-letter queue "<queue>.dlq" unless there is one of that name, which then is used as it is. For the event-loop
/// thread.
class IngestQueue final : public EventSource {
 public:
  struct Settings {
    std::string name;
    std::size_t max_event_bytes;
    std::chrono::milliseconds timeout;
  };
  /// Whether the service delivers from the queue of that name: then its messages are not for here.
  using DeliversFrom = std::function<asio::awaitable<bool>(std::string)>;

  IngestQueue(const asio::any_io_executor& loop, amqp::Connection& consuming, Topology& topology,
              EventPublisher& publisher, DeliversFrom delivers_from, Settings settings);

  const std::string& name() const override { return settings_.name; }
  asio::awaitable<std::vector<OfferedEvent>> receive(std::size_t max,
                                                     std::chrono::steady_clock::time_point deadline) override;
  asio::awaitable<void> accept(std::vector<std::uint64_t> numbers) override;
  asio::awaitable<void> refuse(std::vector<RefusedOffer> offers) override;
  void stop() override;
  void close() override;

 private:
  asio::awaitable<void> ensure();
  void consume();
  asio::awaitable<void> settle(std::vector<std::uint64_t> numbers, amqp::Settlement settlement);

  amqp::Connection& consuming_;
  Topology& topology_;
  EventPublisher& publisher_;
  DeliversFrom delivers_from_;
  Settings settings_;
  std::shared_ptr<amqp::Consumer> consumer_;
  std::map<std::uint64_t, amqp::ReceivedMessage> messages_;  ///< In our hands.
  std::deque<std::uint64_t> waiting_;                        ///< Those of them that were not offered yet.
  std::uint64_t last_number_ = 0;
  bool ready_ = false;    ///< The queue is known to be there.
  bool rejects_ = false;  ///< RabbitMQ itself dead-letters what is rejected.
  bool stopped_ = false;
  Signal arrived_;
};

}  // namespace eventbus::rabbitmq
