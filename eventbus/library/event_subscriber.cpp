#include "eventbus/library/event_subscriber.hpp"

#include <algorithm>
#include <boost/asio/thread_pool.hpp>
#include <deque>
#include <map>
#include <optional>
#include <utility>

#include "eventbus/broker/rabbitmq/event_message.hpp"
#include "eventbus/core/event_rules.hpp"
#include "eventbus/core/queue.hpp"
#include "eventbus/core/queue_name.hpp"
#include "eventbus/core/topic.hpp"
#include "eventbus/library/connection_manager.hpp"
#include "eventbus/library/delivery_settler.hpp"
#include "eventbus/library/rabbitmq_link.hpp"
#include "eventbus/runtime/task_group.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus {
namespace {

struct Registration {
  std::string pattern;
  EventSubscriber::AsyncHandler handler;
};

/// One queue as it is consumed. Lanes hold what waits behind a running event of the same ordering key.
struct ConsumedQueue {
  std::shared_ptr<amqp::Consumer> consumer;
  std::map<std::string, std::deque<Delivery>> lanes;
};

Error already(std::string detail) {
  return {ErrorCode::conflict, std::move(detail), {}};
}

}  // namespace

/// Handlers run on the pool, everything else on the loop of the connections.
struct EventSubscriber::Impl {
  Impl(RabbitMqLink& connections, SubscriberOptions wanted)
      : link(connections),
        options(wanted),
        pool(std::max(1U, wanted.threads)),
        settler(connections, wanted.retry),
        finished(connections.loop.executor()),
        ended(connections.loop.executor()),
        handling(connections.loop.executor(), [this](const TaskFailed& failure) {
          fail_consuming(failure.what());
          one_less();
        }) {}

  Result<void> add(std::string pattern, AsyncHandler handler);
  asio::awaitable<Result<void>> declare(QueueDefinition definition);
  asio::awaitable<Result<void>> start(std::string queue);
  asio::awaitable<Result<void>> consume(std::string queue);
  asio::awaitable<void> stop();
  asio::awaitable<Result<void>> until_ended();
  void fail_consuming(const std::string& fault);
  void take_in(const std::string& queue, std::vector<amqp::ReceivedMessage> messages);
  void begin(Delivery delivery);
  asio::awaitable<void> handle(Delivery delivery);
  void end(const std::string& queue, const std::string& ordering_key);
  void one_less();
  asio::awaitable<Verdict> judge(const ReceivedEvent& received);

  RabbitMqLink& link;
  SubscriberOptions options;
  asio::thread_pool pool;
  DeliverySettler settler;
  std::vector<Registration> registrations;  ///< Fixed while queues are consumed.
  std::map<std::string, ConsumedQueue> queues;
  std::size_t running = 0;  ///< Deliveries that are handled, and queues that are begun.
  bool stopping = false;
  std::optional<Error> ended_by;  ///< Nothing is consumed any more, until `stop`.
  Signal finished;
  Signal ended;
  TaskGroup handling;
};

Result<void> EventSubscriber::Impl::add(std::string pattern, AsyncHandler handler) {
  if (!valid_topic_pattern(pattern))
    return fail(ErrorCode::invalid, "event_type must be a type or a topic pattern such as user.* or order.#");
  if (!queues.empty()) return std::unexpected(already("handlers are registered before start_consuming"));
  registrations.emplace_back(std::move(pattern), std::move(handler));
  return {};
}

asio::awaitable<Result<void>> EventSubscriber::Impl::declare(QueueDefinition definition) {
  if (const auto fault = queue_name_fault(definition.name); !fault.empty())
    co_return fail(ErrorCode::invalid, "queue " + std::string(fault));
  if (definition.bindings.empty()) co_return fail(ErrorCode::invalid, "routing_keys must have at least one pattern");
  for (const auto& binding : definition.bindings) {
    if (const auto fault = exchange_fault(binding.exchange); !fault.empty())
      co_return fail(ErrorCode::invalid, "exchange " + std::string(fault));
    if (!valid_topic_pattern(binding.routing_key))
      co_return fail(ErrorCode::invalid, "routing_keys must be topic patterns such as user.* or order.#");
  }
  co_return co_await link.declare_queue(std::move(definition));
}

asio::awaitable<Result<void>> EventSubscriber::Impl::start(std::string queue) {
  if (ended_by) co_return std::unexpected(*ended_by);
  if (queues.contains(queue) || stopping)
    co_return std::unexpected(already("queue '" + queue + "' is consumed already"));
  queues[queue];  // so that nobody else begins meanwhile
  ++running;
  const auto begun = co_await without_throwing(consume(queue));
  if (!begun) queues.erase(queue);
  one_less();
  co_return begun;
}

asio::awaitable<Result<void>> EventSubscriber::Impl::consume(std::string queue) {
  if (const auto prepared = co_await link.prepare_consuming(queue); !prepared)
    co_return std::unexpected(prepared.error());
  amqp::ConsumerHandler handler;
  handler.on_messages = [this, queue](std::vector<amqp::ReceivedMessage> messages) {
    try {
      take_in(queue, std::move(messages));
    } catch (const std::exception& fault) {
      fail_consuming(fault.what());
    }
  };
  handler.on_lost = [this, queue] {
    for (auto& [key, waiting] : queues[queue].lanes) waiting.clear();  // they come again
  };
  handler.on_trouble = [queue](const std::string& trouble) {
    log_warning("consuming is interrupted; it is tried again", {{"queue", queue}, {"error", trouble}});
  };
  queues[queue].consumer = link.consume(queue, std::max<std::uint16_t>(options.prefetch, 1), std::move(handler));
  co_return Result<void>{};
}

/// What is not settled when the consumers are cancelled goes back to the queues.
asio::awaitable<void> EventSubscriber::Impl::stop() {
  stopping = true;
  for (auto& [name, queue] : queues) {
    for (auto& [key, waiting] : queue.lanes) waiting.clear();
  }
  while (running > 0) co_await finished.wait();
  for (auto& [name, queue] : queues) co_await settler.finish(*queue.consumer);
  for (auto& [name, queue] : queues) queue.consumer->cancel();
  queues.clear();
  stopping = false;
  ended_by.reset();
  ended.notify_all();
}

asio::awaitable<Result<void>> EventSubscriber::Impl::until_ended() {
  if (!ended_by && !queues.empty()) co_await ended.wait();
  if (ended_by) co_return std::unexpected(*ended_by);
  co_return Result<void>{};
}

/// A fault of this library. Deliveries go back to their queues; what handlers are at still may be settled.
void EventSubscriber::Impl::fail_consuming(const std::string& fault) {
  const auto detail = "consuming ended by a fault of the library: " + fault +
                      ". Its events went back to their queues; call stop_consuming, then start_consuming";
  log_error(detail);
  ended_by = Error{ErrorCode::internal, detail, {}};
  for (auto& [name, queue] : queues) {
    for (auto& [key, waiting] : queue.lanes) waiting.clear();
    if (queue.consumer) queue.consumer->cancel();
  }
  ended.notify_all();
}

void EventSubscriber::Impl::take_in(const std::string& queue, std::vector<amqp::ReceivedMessage> messages) {
  if (stopping || ended_by) return;
  auto& consumed = queues[queue];
  for (auto& message : messages) {
    Delivery delivery(queue, consumed.consumer, std::move(message));
    const auto& key = delivery.ordering_key();
    const auto [lane, is_new] = key.empty() ? std::pair{consumed.lanes.end(), true} : consumed.lanes.try_emplace(key);
    if (is_new) {
      begin(std::move(delivery));
    } else {
      lane->second.push_back(std::move(delivery));
    }
  }
}

void EventSubscriber::Impl::begin(Delivery delivery) {
  ++running;
  handling.spawn("handle an event", handle(std::move(delivery)));
}

asio::awaitable<void> EventSubscriber::Impl::handle(Delivery delivery) {
  const auto queue = delivery.queue();
  const auto key = delivery.ordering_key();
  auto verdict = Verdict::unreadable();
  if (const auto* received = delivery.received())
    verdict = co_await asio::co_spawn(pool, judge(*received), asio::use_awaitable);
  co_await settler.settle(std::move(delivery), std::move(verdict));
  end(queue, key);
}

/// On the pool.
asio::awaitable<Verdict> EventSubscriber::Impl::judge(const ReceivedEvent& received) {
  std::size_t handlers = 0;
  try {
    for (const auto& [pattern, handler] : registrations) {
      if (!topic_matches(pattern, received.event.event_type)) continue;
      ++handlers;
      co_await handler(received);
    }
  } catch (const RejectEvent& rejection) {
    co_return Verdict::give_up(rejection.what());
  } catch (const std::exception& failure) {
    co_return Verdict::failed(failure.what());
  } catch (...) {
    co_return Verdict::failed("something that is no std::exception was thrown");
  }
  co_return handlers > 0 ? Verdict::done() : Verdict::give_up("no_handler");
}

void EventSubscriber::Impl::end(const std::string& queue, const std::string& ordering_key) {
  if (!ordering_key.empty()) {
    auto& lanes = queues[queue].lanes;
    const auto lane = lanes.find(ordering_key);
    if (lane->second.empty()) {
      lanes.erase(lane);
    } else {
      auto next = std::move(lane->second.front());
      lane->second.pop_front();
      begin(std::move(next));
    }
  }
  one_less();
}

void EventSubscriber::Impl::one_less() {
  if (--running == 0) finished.notify_all();
}

EventSubscriber::EventSubscriber(RabbitMQConnectionManager& connections, SubscriberOptions options)
    : impl_(std::make_unique<Impl>(*connections.link_, options)) {}

EventSubscriber::~EventSubscriber() {
  stop_consuming();
}

Result<void> EventSubscriber::register_async_handler(std::string event_type, AsyncHandler handler) {
  Result<void> added;
  impl_->link.loop.call([&] { added = impl_->add(std::move(event_type), std::move(handler)); });
  return added;
}

namespace {

asio::awaitable<void> call(const EventSubscriber::Handler& handler, const ReceivedEvent& received) {
  handler(received);
  co_return;
}

}  // namespace

Result<void> EventSubscriber::register_handler(std::string event_type, Handler handler) {
  return register_async_handler(std::move(event_type), [handler = std::move(handler)](const ReceivedEvent& received) {
    return call(handler, received);
  });
}

namespace {

QueueDefinition definition_of(std::string queue, std::vector<std::string> routing_keys, const std::string& exchange) {
  QueueDefinition definition;
  definition.name = std::move(queue);
  for (auto& key : routing_keys) definition.bindings.emplace_back(exchange, std::move(key));
  return definition;
}

}  // namespace

Result<void> EventSubscriber::declare_queue(std::string queue, std::vector<std::string> routing_keys,
                                            std::string exchange) {
  auto work = impl_->declare(definition_of(std::move(queue), std::move(routing_keys), exchange));
  return impl_->link.loop.wait_for_result(std::move(work));
}

asio::awaitable<Result<void>> EventSubscriber::async_declare_queue(std::string queue,
                                                                   std::vector<std::string> routing_keys,
                                                                   std::string exchange) {
  auto work = impl_->declare(definition_of(std::move(queue), std::move(routing_keys), exchange));
  return impl_->link.loop.run_for_result(std::move(work));
}

Result<void> EventSubscriber::start_consuming(std::string queue) {
  return impl_->link.loop.wait_for_result(impl_->start(std::move(queue)));
}

asio::awaitable<Result<void>> EventSubscriber::async_start_consuming(std::string queue) {
  return impl_->link.loop.run_for_result(impl_->start(std::move(queue)));
}

Result<void> EventSubscriber::wait() {
  return impl_->link.loop.wait_for_result(impl_->until_ended());
}

asio::awaitable<Result<void>> EventSubscriber::async_wait() {
  return impl_->link.loop.run_for_result(impl_->until_ended());
}

void EventSubscriber::stop_consuming() {
  impl_->link.loop.wait(impl_->stop());
}

}  // namespace eventbus
