#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "eventbus/amqp/channel.hpp"
#include "eventbus/amqp/consumer_calls.hpp"
#include "eventbus/amqp/incoming_content.hpp"
#include "eventbus/amqp/outstanding_deliveries.hpp"
#include "eventbus/amqp/settlement.hpp"
#include "eventbus/amqp/suspects.hpp"
#include "eventbus/runtime/suspend.hpp"

namespace eventbus::amqp {

/// One consumer on its own channel. Every opening is a new generation of deliveries. One that is idle for long is
/// opened anew: when a queue ends, RabbitMQ's channel (rabbit_channel.erl, queue_down_consumer_action) consumes what
/// has its name by then; if that is a new queue, it tells nobody, keeps what it gets there and hands out none of it.
class ConsumerChannel final : public Channel {
 public:
  struct Settings {
    std::string queue;
    std::uint16_t prefetch;
    std::size_t max_body_bytes;
  };
  /// Waits for the server to have processed what was sent before.
  struct Barrier {
    Deadline deadline;
    Completion<bool> done;  ///< Null when nobody waits any more.
  };

  /// `generations` counts those of all consumers of the connection, which share `suspects`.
  ConsumerChannel(std::uint16_t number, const ConnectionSettings& connection, LinkStatus& status, Settings settings,
                  std::shared_ptr<ConsumerCalls> calls, std::uint64_t& generations, Suspects& suspects)
      : Channel(number, connection, status),
        settings_(std::move(settings)),
        calls_(std::move(calls)),
        generations_(generations),
        suspects_(suspects),
        idle_renewal_(connection.idle_renewal),
        content_(settings_.max_body_bytes) {}

  /// Returns the tags that are not outstanding.
  std::vector<DeliveryTag> settle(const std::vector<DeliveryTag>& tags, Settlement settlement);
  void barrier(std::shared_ptr<Barrier> barrier);
  void set_prefetch(std::uint16_t prefetch);
  void tick(Time now) override;
  Time due() const override;
  void pump() override;
  void end(const std::string& reason) override;

 private:
  void on_open() override;
  void on_method(const amqp_method_t& method) override;
  void on_content(const amqp_frame_t& frame) override;
  void on_closed(const ServerRefusal& refusal) override;
  void on_lost(const std::string& reason) override;
  Time rests_until() const override { return suspects_.rests_until(settings_.queue); }

  void send_qos(std::shared_ptr<Barrier> barrier);
  void send_consume();
  void send_cancel();
  void on_qos();
  void moved();
  Time renewal_due() const;
  void end_generation(const std::string& reason);
  std::string tag() const { return "consumer-" + std::to_string(consumes_); }

  Settings settings_;
  std::shared_ptr<ConsumerCalls> calls_;
  std::uint64_t& generations_;
  Suspects& suspects_;
  std::chrono::milliseconds idle_renewal_;
  Time renew_at_{};
  IncomingContent content_;
  std::uint64_t generation_ = 0;
  OutstandingDeliveries outstanding_;
  std::vector<ReceivedMessage> batch_;
  std::deque<std::shared_ptr<Barrier>> qos_under_way_;  ///< Null where it was no barrier.
  std::uint64_t consumes_ = 0;
  bool consuming_ = false;  ///< The server has said so, and nobody has asked it to end that.
};

}  // namespace eventbus::amqp
