#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "eventbus/amqp/channel.hpp"
#include "eventbus/amqp/topology.hpp"
#include "eventbus/runtime/suspend.hpp"

namespace eventbus::amqp {

/// A method and the answer it waits for.
struct TopologyRequest {
  std::string operation;  ///< As in "declaring queue \"q\"".
  Deadline deadline;
  amqp_method_number_t answer;
  std::function<void(Session&, std::uint16_t channel)> send;
  std::optional<Error> fault = {};       ///< Why it can't be sent at all.
  Completion<Result<QueueCounts>> done;  ///< Null when nobody waits any more.
};

/// The channel for topology: one request at a time, because an error closes the channel and all that is under way.
class TopologyChannel final : public Channel {
 public:
  using Channel::Channel;

  void submit(std::shared_ptr<TopologyRequest> request);
  void tick(Time now) override;
  Time due() const override;
  void pump() override;
  void end(const std::string& reason) override;

 private:
  void on_open() override { healthy(); }
  void on_method(const amqp_method_t& method) override;
  void on_closed(const ServerRefusal& refusal) override;
  void on_lost(const std::string& reason) override;

  void finish_front(std::exception_ptr problem, Result<QueueCounts> counts);
  void expire(Time now);

  std::deque<std::shared_ptr<TopologyRequest>> requests_;
  bool under_way_ = false;  ///< The front was sent.
};

}  // namespace eventbus::amqp
