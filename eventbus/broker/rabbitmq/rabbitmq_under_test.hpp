#pragma once

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <string>
#include <vector>

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

/// See RabbitMqSettings and ConnectionSettings.
struct RabbitMqTimes {
  std::chrono::milliseconds timeout = RabbitMqSettings{}.timeout;
  std::chrono::milliseconds patience{1500};
  std::chrono::milliseconds idle = RabbitMqSettings{}.idle;
  std::chrono::milliseconds idle_renewal{1000};
};

inline asio::awaitable<void> until_connections(asio::io_context& loop, std::vector<const RabbitMqBroker*> brokers,
                                               int number) {
  const auto has_other = [number](const RabbitMqBroker* broker) { return broker->connections() != number; };
  asio::steady_timer timer(loop);
  const Wait wait("brokers to have " + std::to_string(number) + " connections");
  for (; std::ranges::any_of(brokers, has_other); wait.go_on()) {
    timer.expires_after(std::chrono::milliseconds{1});
    co_await timer.async_wait(asio::use_awaitable);
  }
}

/// Returns when all brokers of this program have noticed it and are connected again.
inline asio::awaitable<void> cut_connections(asio::io_context& loop, std::vector<const RabbitMqBroker*> brokers) {
  struct Frozen {
    Frozen() { amqp::TestServer::shared().freeze(); }
    ~Frozen() { amqp::TestServer::shared().thaw(); }
  };
  {
    const Frozen nobody_comes_back_unseen;
    amqp::TestServer::shared().cut_connections();
    co_await until_connections(loop, brokers, 0);
  }
  co_await until_connections(loop, std::move(brokers), 2);
}

/// The broker of one instance on real servers, in real time.
class RabbitMqUnderTest final : public BrokerUnderTest {
 public:
  explicit RabbitMqUnderTest(asio::io_context& loop, RabbitMqTimes times = {}, RabbitMqPlace place = {})
      : loop_(loop), times_(times), place_(std::move(place)) {
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
  Timing timing() const override { return {.real = true, .patience = std::chrono::seconds{30}}; }
  const RabbitMqPlace& place() const { return place_; }

  asio::awaitable<void> relay(std::vector<StoredEvent> events) override {
    const auto first = events.front().position;
    const auto last = events.back().position;
    co_await broker_->sink().publish(std::move(events));
    auto entries = co_await store_->advance({}, most_entries);
    std::erase_if(entries, [&](const OutboxEntry& entry) { return entry.first < first || entry.last > last; });
    co_await store_->advance(std::move(entries), 0);
  }
  asio::awaitable<void> pass(std::chrono::milliseconds time) override {
    asio::steady_timer timer(loop_, time + settings().refresh * 3);
    co_await timer.async_wait(asio::use_awaitable);
  }
  /// As a killed process would: connections just end, nothing is given back.
  asio::awaitable<void> restart() override {
    co_await end();
    until_given_back();
    co_await begin();
  }
  /// Where other instances hold what is theirs: what this one held may not be back yet on return.
  asio::awaitable<void> restart_among_others() {
    co_await end();
    co_await begin();
  }
  asio::awaitable<bool> lose_connections() override {
    std::vector<const RabbitMqBroker*> brokers{broker_.get()};
    co_await cut_connections(loop_, std::move(brokers));
    co_return true;
  }

 private:
  static constexpr std::size_t most_entries = 100'000;
  asio::awaitable<void> end() {
    broker_->stop();
    co_await tasks_->join();
    broker_.reset();
  }
  asio::awaitable<void> begin() {
    make_broker();
    co_await broker_->start();
    spawn();
  }
  RabbitMqSettings settings() const {
    const auto& server = amqp::TestServer::shared();
    return {.connection = {.url = amqp::AmqpUrl::parse(server.url(place_.virtual_host)).value(),
                           .name = "test",
                           .reconnect = {.delay = std::chrono::milliseconds{50},
                                         .max_delay = std::chrono::milliseconds{500}},
                           .idle_renewal = times_.idle_renewal},
            .timeout = times_.timeout,
            .refresh = std::chrono::milliseconds{100},
            .idle = times_.idle,
            .patience = times_.patience};
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
    broker_ = std::make_unique<RabbitMqBroker>(loop_.get_executor(), *store_, *store_, *pool_, metrics_, settings());
  }
  void spawn() {
    tasks_ = std::make_unique<TaskGroup>(loop_.get_executor());
    tasks_->spawn("broker", broker_->run());
  }
  void finish(asio::awaitable<void> work) {
    result_of(loop_, asio::co_spawn(loop_, std::move(work), asio::use_future), "a step in the broker's life");
  }

  asio::io_context& loop_;
  RabbitMqTimes times_;
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
