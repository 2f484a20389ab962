#pragma once

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <string>

#include "eventbus/amqp/testing/test_server.hpp"
#include "eventbus/broker/conformance/broker_suite.hpp"
#include "eventbus/broker/rabbitmq/rabbitmq_broker.hpp"
#include "eventbus/postgres/testing/test_server.hpp"
#include "eventbus/runtime/task_group.hpp"
#include "eventbus/store/postgres/postgres_event_store.hpp"
#include "eventbus/testing/waiting.hpp"

namespace eventbus {

/// Where instances meet.
struct RabbitMqPlace {
  std::string virtual_host = amqp::TestServer::shared().create_virtual_host();
  std::string database = postgres::TestServer::shared().create_database();
};

/// The broker of one instance on real servers, in real time.
class RabbitMqUnderTest final : public BrokerUnderTest {
 public:
  /// `timeout` is that of operations on RabbitMQ.
  explicit RabbitMqUnderTest(asio::io_context& loop, std::chrono::milliseconds timeout = RabbitMqSettings{}.timeout,
                             RabbitMqPlace place = {})
      : loop_(loop), timeout_(timeout), place_(std::move(place)) {
    open();
    finish(store_->open());
    finish(broker_->start());
    spawn();
  }
  ~RabbitMqUnderTest() override {
    broker_->stop();
    finish(tasks_->join());
    pool_->close();
  }

  RabbitMqBroker& broker() override { return *broker_; }
  PostgresEventStore& store() override { return *store_; }
  const RabbitMqPlace& place() const { return place_; }

  asio::awaitable<void> relay(std::vector<StoredEvent> events) override {
    co_await broker_->sink().publish(std::move(events));
  }
  asio::awaitable<void> pass(std::chrono::milliseconds time) override {
    asio::steady_timer timer(loop_, time + settings().refresh * 3);
    co_await timer.async_wait(asio::use_awaitable);
  }
  /// As a killed process would: connections just end, nothing is given back.
  asio::awaitable<void> restart() override {
    broker_->stop();
    co_await tasks_->join();
    broker_.reset();
    until_given_back();
    make_broker();
    co_await broker_->start();
    spawn();
  }

 private:
  RabbitMqSettings settings() const {
    const auto& server = amqp::TestServer::shared();
    return {.connection = {.url = amqp::AmqpUrl::parse(server.url(place_.virtual_host)).value(),
                           .name = "test",
                           .reconnect = {.delay = std::chrono::milliseconds{50},
                                         .max_delay = std::chrono::milliseconds{500}},
                           .idle_renewal = std::chrono::milliseconds{1000}},
            .timeout = timeout_,
            .refresh = std::chrono::milliseconds{100},
            .patience = std::chrono::milliseconds{1500}};
  }
  /// RabbitMQ notices the end of a connection in its own time.
  void until_given_back() const {
    wait_until("RabbitMQ to take back what a connection that ended had taken", [this] {
      return amqp::TestServer::shared().sum({"list_queues", "-p", place_.virtual_host, "--silent", "--no-table-headers",
                                             "messages_unacknowledged"}) == 0;
    });
  }
  void open() {
    auto url = postgres::ConnectionSettings::parse(place_.database).value();
    pool_ = std::make_unique<postgres::ConnectionPool>(loop_.get_executor(), std::move(url),
                                                       postgres::PoolSettings{.min = 0, .max = 8}, pool_metrics_);
    store_ = std::make_unique<PostgresEventStore>(*pool_, nullptr, store_metrics_, PostgresStoreSettings{});
    make_broker();
  }
  void make_broker() {
    broker_ = std::make_unique<RabbitMqBroker>(loop_.get_executor(), *store_, *pool_, metrics_, settings());
  }
  void spawn() {
    tasks_ = std::make_unique<TaskGroup>(loop_.get_executor());
    tasks_->spawn("broker", broker_->run());
  }
  void finish(asio::awaitable<void> work) {
    result_of(loop_, asio::co_spawn(loop_, std::move(work), asio::use_future), "a step in the broker's life");
  }

  asio::io_context& loop_;
  std::chrono::milliseconds timeout_;
  RabbitMqPlace place_;
  MetricRegistry registry_;
  postgres::PoolMetrics pool_metrics_{registry_};
  StoreMetrics store_metrics_{registry_};
  BrokerMetrics metrics_{registry_};
  std::unique_ptr<postgres::ConnectionPool> pool_;
  std::unique_ptr<PostgresEventStore> store_;
  std::unique_ptr<RabbitMqBroker> broker_;
  std::unique_ptr<TaskGroup> tasks_;
};

}  // namespace eventbus
