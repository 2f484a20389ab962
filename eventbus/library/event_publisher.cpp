#include "eventbus/library/event_publisher.hpp"

#include <memory>
#include <utility>

#include "eventbus/broker/rabbitmq/event_message.hpp"
#include "eventbus/library/connection_manager.hpp"
#include "eventbus/library/event_check.hpp"
#include "eventbus/library/rabbitmq_link.hpp"

namespace eventbus {
namespace {

Result<bool> result_of(amqp::Fate fate) {
  switch (fate) {
    case amqp::Fate::confirmed:
      return true;
    case amqp::Fate::returned:
      return false;
    case amqp::Fate::nacked:
      return fail(ErrorCode::unavailable, "RabbitMQ refused the event: a queue is full, or has no leader; try again");
    case amqp::Fate::unsent:
      return fail(ErrorCode::unavailable, "the event was not sent: RabbitMQ is not reachable; try again");
    case amqp::Fate::unknown:
      break;
  }
  return fail(ErrorCode::unavailable,
              "the connection was lost before RabbitMQ confirmed the event; publish it again with the same event id");
}

Event routed(Event event, std::string exchange, std::string routing_key) {
  if (!exchange.empty()) event.exchange = std::move(exchange);
  if (!routing_key.empty()) event.routing_key = std::move(routing_key);
  return event;
}

asio::awaitable<std::vector<Result<bool>>> confirmed(RabbitMqLink& link, std::vector<amqp::Message> messages) {
  const auto count = messages.size();
  std::vector<Result<bool>> results;
  auto fates = co_await without_throwing(link.publish(std::move(messages)));
  if (!fates) {
    results.assign(count, std::unexpected(fates.error()));
  } else {
    for (const auto fate : *fates) results.push_back(result_of(fate));
  }
  co_return results;
}

}  // namespace

asio::awaitable<std::vector<Result<bool>>> EventPublisher::send(std::vector<Event> events, bool persistent) {
  auto batch = check_batch(std::move(events));
  std::vector<amqp::Message> messages;
  for (const auto& event : batch.events) {
    messages.push_back(rabbitmq::event_message({.position = 0, .stored_at = {}, .event = event}));
    messages.back().properties.delivery_mode = persistent ? 2 : 1;
  }
  const auto fates = co_await confirmed(*connections_.link_, std::move(messages));
  co_return std::move(batch).with(fates);
}

std::vector<Result<bool>> EventPublisher::publish_batch(std::vector<Event> events, bool persistent) {
  return connections_.link_->loop.wait(send(std::move(events), persistent));
}

asio::awaitable<std::vector<Result<bool>>> EventPublisher::async_publish_batch(std::vector<Event> events,
                                                                               bool persistent) {
  return connections_.link_->loop.run(send(std::move(events), persistent));
}

Result<bool> EventPublisher::publish(Event event, std::string exchange, std::string routing_key, bool persistent) {
  std::vector<Event> events;
  events.push_back(routed(std::move(event), std::move(exchange), std::move(routing_key)));
  return publish_batch(std::move(events), persistent).front();
}

asio::awaitable<Result<bool>> EventPublisher::async_publish(Event event, std::string exchange, std::string routing_key,
                                                            bool persistent) {
  std::vector<Event> events;
  events.push_back(routed(std::move(event), std::move(exchange), std::move(routing_key)));
  const auto results = co_await async_publish_batch(std::move(events), persistent);
  co_return results.front();
}

}  // namespace eventbus
