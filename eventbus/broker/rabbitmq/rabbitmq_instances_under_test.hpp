#pragma once

#include <algorithm>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "eventbus/broker/conformance/broker_suite.hpp"
#include "eventbus/broker/rabbitmq/rabbitmq_under_test.hpp"

namespace eventbus {

inline std::unique_ptr<BrokerUnderTest> make_first(asio::io_context& loop) {
  return std::make_unique<RabbitMqUnderTest>(loop, RabbitMqTimes{.timeout = std::chrono::milliseconds{1000}});
}

/// Two instances on the same servers that pass for one broker.
class RabbitMqPairUnderTest final : public BrokerUnderTest {
 public:
  RabbitMqPairUnderTest(asio::io_context& loop, RabbitMqTimes times)
      : loop_(loop), first_(loop, times), second_(loop, times, first_.place()) {}

  Broker& broker() override { return first_.broker(); }
  std::vector<Broker*> brokers() override { return {&first_.broker(), &second_.broker()}; }
  EventStore& store() override { return first_.store(); }
  Timing timing() const override { return first_.timing(); }
  /// The relay runs at one of them, then at the other.
  asio::awaitable<void> relay(std::vector<StoredEvent> events) override {
    auto& one = relays_++ % 2 == 0 ? first_ : second_;
    return one.relay(std::move(events));
  }
  asio::awaitable<void> pass(std::chrono::milliseconds time) override { return first_.pass(time); }
  asio::awaitable<void> restart() override { return first_.restart_among_others(); }
  asio::awaitable<bool> lose_connections() override {
    std::vector<const RabbitMqBroker*> brokers{&first_.broker(), &second_.broker()};
    co_await cut_connections(loop_, std::move(brokers));
    co_return true;
  }

 private:
  asio::io_context& loop_;
  RabbitMqUnderTest first_;
  RabbitMqUnderTest second_;
  std::size_t relays_ = 0;
};

/// Two instances on the same servers.
class RabbitMqInstances : public BrokerSuite {
 protected:
  Broker& other() { return second->broker(); }
  Settled ack_at_other(Ids ids) { return run(other().ack("q", std::move(ids))).value(); }
  Settled nack_at_other(const Delivery& delivery, NackOptions options) {
    return run(other().nack("q", {delivery.delivery_id}, std::move(options))).value();
  }
  std::vector<Delivery> receive_at_other(Millis wait) {
    return run(other().receive("q", {100}, std::chrono::steady_clock::now() + wait)).value();
  }
  QueueInfo info_of_other(const std::string& name) { return run(other().info(name)).value(); }
  /// By both: each learns in half a second what the other holds.
  template <class Agrees>
  void until_both(const std::string& what, const Agrees& agrees) {
    for (const Wait wait(what); !agrees(info("q")) || !agrees(info_of_other("q")); wait.go_on()) pass(Millis{20});
  }
  void until_counted(std::uint64_t ready, std::uint64_t in_flight) {
    until_both("both to count right", [ready, in_flight](const QueueInfo& info) {
      return info.ready == ready && info.in_flight == in_flight;
    });
  }
  void change_queues(const std::string& columns) {
    postgres::TestServer::ask(place().database, "UPDATE eventbus_queues SET " + columns +
                                                    "; UPDATE eventbus_queues_revision SET revision = revision + 1");
  }
  /// An instance died a while ago that made or removed a queue.
  void end(std::unique_ptr<postgres::Connection>& instance) {
    instance.reset();
    sql("UPDATE eventbus_queue_claims SET until = until - interval '30 seconds'");
  }
  void sql(const std::string& text) { postgres::TestServer::ask(place().database, text); }
  /// By an instance 4711.
  void claim_removal(const std::string& time) {
    sql("INSERT INTO eventbus_queue_claims VALUES ('q', 4711, true, now() + interval '" + time +
        "') ON CONFLICT (queue) DO UPDATE SET instance = 4711, removing = true, until = excluded.until; "
        "UPDATE eventbus_queues_revision SET revision = revision + 1");
  }
  std::string control(const std::string& command, std::vector<std::string> more) {
    std::vector<std::string> words{command, "-p", place().virtual_host, "--silent"};
    std::ranges::move(more, std::back_inserter(words));
    return amqp::TestServer::shared().control(std::move(words));
  }
  static std::chrono::steady_clock::time_point soon() { return std::chrono::steady_clock::now() + Millis{30000}; }
  std::unique_ptr<postgres::Connection> session() {
    auto settings = postgres::ConnectionSettings::parse(place().database).value();
    return run(postgres::Connection::connect(loop.get_executor(), std::move(settings), soon()));
  }
  /// What a client is told when the work can't be done now.
  template <class Work>
  static std::string refusal(const Work& work) {
    try {
      work();
      return "none";
    } catch (const Unavailable& refused) {
      return refused.client_detail();
    }
  }
  std::string claims() {
    return postgres::TestServer::ask(place().database, "SELECT count(*) FROM eventbus_queue_claims");
  }
  std::string letters() { return postgres::TestServer::ask(place().database, "SELECT count(*) FROM eventbus_mail"); }
  const RabbitMqPlace& place() { return static_cast<RabbitMqUnderTest&>(*under_test).place(); }

  std::unique_ptr<RabbitMqUnderTest> second =
      std::make_unique<RabbitMqUnderTest>(loop, RabbitMqTimes{.timeout = Millis{1000}}, place());
};

}  // namespace eventbus
