#include "eventbus/amqp/connection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/strand.hpp>

#include "eventbus/amqp/link.hpp"
#include "eventbus/amqp/topology_request.hpp"

namespace eventbus::amqp {
namespace {

constexpr std::string_view closed_or_full = "the connection is closed, or too many operations wait";

Unavailable refused(std::string_view operation) {
  return {operation, closed_or_full};
}

asio::awaitable<Result<QueueCounts>> ask(std::shared_ptr<CommandQueue> commands,
                                         std::shared_ptr<TopologyRequest> request) {
  if (request->fault) co_return std::unexpected(*std::move(request->fault));
  auto start = [&commands, &request](Completion<Result<QueueCounts>> done) {
    request->done = std::move(done);
    commands->submit([request](Link* link) {
      if (link == nullptr) return request->done(std::make_exception_ptr(refused(request->operation)), {});
      link->topology().submit(request);
    });
  };
  co_return co_await suspend<Result<QueueCounts>>(start);
}

asio::awaitable<Result<void>> ask_to_do(std::shared_ptr<CommandQueue> commands,
                                        std::shared_ptr<TopologyRequest> request) {
  auto answer = co_await ask(std::move(commands), std::move(request));
  if (!answer) co_return std::unexpected(std::move(answer.error()));
  co_return Result<void>{};
}

asio::awaitable<Result<std::uint32_t>> ask_to_count(std::shared_ptr<CommandQueue> commands,
                                                    std::shared_ptr<TopologyRequest> request) {
  auto answer = co_await ask(std::move(commands), std::move(request));
  if (!answer) co_return std::unexpected(std::move(answer.error()));
  co_return answer->ready;
}

}  // namespace

Connection::Connection(asio::any_io_executor loop, ConnectionSettings settings)
    : loop_(asio::make_strand(loop)),
      max_body_bytes_(settings.max_body_bytes),
      link_(std::make_unique<Link>(loop_, std::move(settings))) {}

Connection::~Connection() {
  for (const auto& weak : consumers_)
    if (const auto consumer = weak.lock()) consumer->cancel();
}

LinkState Connection::state() const {
  return link_->status().state();
}

std::uint64_t Connection::logins() const {
  return link_->status().logins();
}

std::string Connection::trouble() const {
  return link_->status().trouble();
}

void Connection::on_change(std::function<void(LinkState)> listener) {
  link_->status().on_change(std::move(listener));
}

void Connection::on_failure(std::function<void(LinkFailure)> listener) {
  link_->status().on_failure(std::move(listener));
}

asio::awaitable<void> Connection::wait_connected(Deadline deadline) {
  auto waiter = std::make_shared<Link::ConnectWaiter>();
  waiter->deadline = deadline;
  auto start = [this, &waiter](Completion<bool> done) {
    waiter->done = std::move(done);
    link_->commands()->submit([waiter](Link* link) {
      if (link == nullptr) return waiter->done(std::make_exception_ptr(refused("waiting for RabbitMQ")), false);
      link->wait_connected(waiter);
    });
  };
  co_await suspend<bool>(start);
}

asio::awaitable<Result<std::vector<Fate>>> Connection::publish(std::vector<Message> messages, Deadline deadline,
                                                               Stream stream) {
  for (const auto& message : messages) {
    auto fault = check_message(message, max_body_bytes_);
    if (!fault) co_return std::unexpected(std::move(fault.error()));
  }
  if (messages.empty()) co_return std::vector<Fate>{};
  auto request = std::make_shared<PublishRequest>(std::move(messages), deadline, stream.number, stream.login);
  auto start = [this, &request](Completion<std::vector<Fate>> done) {
    request->done = std::move(done);
    link_->commands()->submit([request](Link* link) {
      if (link == nullptr) return request->done(std::make_exception_ptr(refused("publishing to RabbitMQ")), {});
      link->publisher().submit(request);
    });
  };
  co_return co_await suspend<std::vector<Fate>>(start);
}

asio::awaitable<Result<void>> Connection::declare_exchange(std::string name, std::string type, bool durable,
                                                           Deadline deadline) {
  return ask_to_do(link_->commands(), exchange_declaration(std::move(name), std::move(type), durable, deadline));
}

asio::awaitable<Result<void>> Connection::delete_exchange(std::string name, Deadline deadline) {
  return ask_to_do(link_->commands(), exchange_deletion(std::move(name), deadline));
}

asio::awaitable<Result<QueueCounts>> Connection::declare_queue(QueueSpec queue, Deadline deadline) {
  return ask(link_->commands(), queue_declaration(std::move(queue), deadline));
}

asio::awaitable<Result<QueueCounts>> Connection::inspect_queue(std::string name, Deadline deadline) {
  return ask(link_->commands(), queue_inspection(std::move(name), deadline));
}

asio::awaitable<Result<void>> Connection::bind_queue(std::string queue, std::string exchange, std::string routing_key,
                                                     Deadline deadline) {
  return ask_to_do(link_->commands(), binding(std::move(queue), std::move(exchange), std::move(routing_key), deadline));
}

asio::awaitable<Result<void>> Connection::unbind_queue(std::string queue, std::string exchange, std::string routing_key,
                                                       Deadline deadline) {
  return ask_to_do(link_->commands(),
                   unbinding(std::move(queue), std::move(exchange), std::move(routing_key), deadline));
}

asio::awaitable<Result<std::uint32_t>> Connection::delete_queue(std::string name, Deadline deadline) {
  return ask_to_count(link_->commands(), queue_deletion(std::move(name), deadline));
}

asio::awaitable<Result<std::uint32_t>> Connection::purge_queue(std::string name, Deadline deadline) {
  return ask_to_count(link_->commands(), queue_purge(std::move(name), deadline));
}

std::shared_ptr<Consumer> Connection::consume(std::string queue, std::uint16_t prefetch, ConsumerHandler handler,
                                              std::optional<std::size_t> max_body_bytes) {
  const auto key = ++consumer_keys_;
  auto calls = std::make_shared<ConsumerCalls>(loop_, std::move(handler));
  auto consumer = std::make_shared<Consumer>(key, link_->commands(), calls);
  std::erase_if(consumers_, [](const auto& known) { return known.expired(); });
  consumers_.push_back(consumer);
  ConsumerChannel::Settings settings{.queue = std::move(queue),
                                     .prefetch = std::max<std::uint16_t>(prefetch, 1),
                                     .max_body_bytes = max_body_bytes.value_or(max_body_bytes_)};
  link_->commands()->submit_anyway([key, settings = std::move(settings), calls](Link* link) mutable {
    if (link != nullptr) link->add_consumer(key, std::move(settings), std::move(calls));
  });
  return consumer;
}

void Connection::unsuspect(std::string queue) {
  link_->commands()->submit_anyway([queue = std::move(queue)](Link* link) {
    if (link != nullptr) link->suspects().clear(queue);
  });
}

}  // namespace eventbus::amqp
