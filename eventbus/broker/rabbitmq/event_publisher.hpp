#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "eventbus/amqp/connection.hpp"
#include "eventbus/broker/broker_metrics.hpp"
#include "eventbus/broker/event_sink.hpp"
#include "eventbus/broker/rabbitmq/topology.hpp"
#include "eventbus/runtime/signal.hpp"

namespace eventbus::rabbitmq {

/// Publishes stored events to their exchanges, with confirms. For the event-loop thread.
class EventPublisher final : public EventSink {
 public:
  /// What it must know of the queues, or tell about them.
  struct Queues {
    /// Returns once every queue is known to be there and bound, with the login that this holds for.
    std::function<asio::awaitable<std::uint64_t>()> prepared;
    /// The name of one that is bound so that it gets the event; empty: there is none.
    std::function<std::string_view(const Event&)> wanted_by;
    /// Exchanges, queues or bindings may be gone: `prepared` has to look.
    std::function<void()> doubt;
  };

  EventPublisher(const asio::any_io_executor& loop, amqp::Connection& connection, Topology& topology,
                 DependencyGuard& guard, Queues queues, BrokerMetrics& metrics, std::chrono::milliseconds timeout,
                 std::size_t max_body_bytes)
      : connection_(connection),
        topology_(topology),
        guard_(guard),
        queues_(std::move(queues)),
        metrics_(metrics),
        timeout_(timeout),
        max_body_bytes_(max_body_bytes),
        turn_(loop) {}

  /// Calls may overlap. When one fails, those that began before it ended fail too, unless everything of theirs was sent
  /// already: so nothing overtakes its repetition. One that the server returns although a queue wants it is a failure
  /// like one that it refused: somebody has removed something there.
  asio::awaitable<void> publish(std::vector<StoredEvent> events) override;
  bool accepts() const override;
  /// Messages for queues rather than exchanges. Throws `Unavailable` unless a queue took each of them.
  asio::awaitable<void> publish_direct(std::vector<amqp::Message> messages);

 private:
  class Turn;
  class InOrder;
  struct Batch;
  asio::awaitable<void> publish_in_turn(std::vector<StoredEvent> events);
  asio::awaitable<std::vector<amqp::Fate>> send(std::vector<amqp::Message> messages, amqp::Stream stream);
  bool blocked() const;
  asio::awaitable<Batch> messages_of(const std::vector<StoredEvent>& events);
  bool sendable(const Event& event, const amqp::Message& message) const;
  void check_routing(const Batch& batch, const std::vector<amqp::Fate>& fates) const;
  void count(const Batch& batch, const std::vector<amqp::Fate>& fates);

  amqp::Connection& connection_;
  Topology& topology_;
  DependencyGuard& guard_;
  Queues queues_;
  BrokerMetrics& metrics_;
  std::chrono::milliseconds timeout_;
  std::size_t max_body_bytes_;
  Signal turn_;
  std::uint64_t next_ticket_ = 0;
  std::uint64_t serving_ = 0;  ///< Whose turn it is to send.
  std::uint64_t stream_ = 1;
  std::size_t in_flight_ = 0;  ///< Calls of `publish`.
  bool broken_ = false;        ///< One of them failed.
};

}  // namespace eventbus::rabbitmq
