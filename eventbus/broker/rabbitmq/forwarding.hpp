#pragma once

#include <functional>
#include <map>
#include <optional>

#include "eventbus/broker/rabbitmq/instance_mail.hpp"
#include "eventbus/broker/rabbitmq/settle_order.hpp"
#include "eventbus/runtime/task_group.hpp"

namespace eventbus::rabbitmq {

/// Has deliveries settled by the instance that holds them, and settles here what others ask for. For the event-loop
/// thread.
class Forwarding {
 public:
  /// Carries out an order on what this instance holds. Throws `Unavailable`.
  using Settle = std::function<asio::awaitable<SettleOutcome>(SettleOrder)>;

  /// `patience`: how long another instance may take.
  Forwarding(const asio::any_io_executor& loop, postgres::ConnectionPool& pool, InstanceId self,
             std::chrono::milliseconds timeout, std::chrono::milliseconds patience, Settle settle);

  /// Makes the table, then others reach this instance. Throws `Unavailable`.
  asio::awaitable<void> open();
  asio::awaitable<void> run();
  /// What others asked for is answered before `run` ends. Idempotent.
  void stop();

  /// What the other instance did. Everything is unknown when it does not run, or dies or hangs meanwhile: it may then
  /// have been done or not. Throws `Unavailable` when the database is away, and when the other one could not do it.
  asio::awaitable<SettleOutcome> ask(InstanceId owner, SettleOrder order);

 private:
  struct Asked {
    Signal answered;
    std::optional<SettleOutcome> outcome;
  };

  void take_in(const Letter& letter);
  asio::awaitable<void> answer(InstanceId asker, Question question);

  asio::any_io_executor loop_;
  std::chrono::milliseconds patience_;
  Settle settle_;
  InstanceMail mail_;
  TaskGroup answering_;
  Signal stopping_;
  std::map<std::int64_t, Asked*> asked_;
  std::int64_t last_number_ = 0;
  bool stopped_ = false;
};

}  // namespace eventbus::rabbitmq
