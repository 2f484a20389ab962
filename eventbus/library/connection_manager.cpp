#include "eventbus/library/connection_manager.hpp"

#include <utility>

#include "eventbus/library/rabbitmq_link.hpp"

namespace eventbus {

RabbitMQConnectionManager::RabbitMQConnectionManager(std::string url, std::uint32_t max_retries,
                                                     std::chrono::milliseconds retry_delay)
    : link_(std::make_unique<RabbitMqLink>(std::move(url), max_retries, retry_delay)) {}

RabbitMQConnectionManager::~RabbitMQConnectionManager() = default;

Result<void> RabbitMQConnectionManager::connect() {
  return link_->loop.wait(link_->connect());
}

asio::awaitable<Result<void>> RabbitMQConnectionManager::async_connect() {
  return link_->loop.run(link_->connect());
}

void RabbitMQConnectionManager::disconnect() {
  link_->loop.wait(link_->disconnect());
}

bool RabbitMQConnectionManager::is_connected() const {
  return link_->is_connected();
}

std::string RabbitMQConnectionManager::trouble() const {
  return link_->trouble();
}

}  // namespace eventbus
