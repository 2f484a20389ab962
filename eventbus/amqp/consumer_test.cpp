#include "eventbus/amqp/consumer.hpp"

#include <gmock/gmock.h>

#include "eventbus/amqp/connection.hpp"
#include "eventbus/amqp/testing/test_bench.hpp"
#include "eventbus/testing/waiting.hpp"

namespace eventbus::amqp {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class ConsumerTest : public testing::Test {
 protected:
  ConsumerTest() { EXPECT_TRUE(bench.run(connection.declare_queue({.name = "q"}, bench.soon()))); }

  void publish(int count) {
    const auto fates = bench.run(connection.publish(numbered("q", 0, count), bench.soon()));
    EXPECT_THAT(fates.value(), testing::Each(Fate::confirmed));
  }
  bool receives(std::size_t count) {
    return bench.run_until([&] { return listener.messages.size() >= count; });
  }
  static std::vector<DeliveryTag> tags_of(const std::vector<ReceivedMessage>& messages) {
    std::vector<DeliveryTag> tags;
    tags.reserve(messages.size());
    for (const auto& message : messages) tags.push_back(message.delivery_tag);
    return tags;
  }
  std::uint32_t ready() { return bench.run(connection.inspect_queue("q", bench.soon()))->ready; }
  /// A tag that was never delivered goes past our checks only by another client, so let the server close it.
  void close_connections() { bench.server.control({"close_all_connections", "--vhost", bench.virtual_host, "test"}); }

  TestBench bench{TestServer::shared()};
  Connection connection{bench.loop.get_executor(), bench.settings()};
  Listener listener;
};

TEST_F(ConsumerTest, IsBoundedByItsPrefetch) {
  publish(10);
  const auto consumer = connection.consume("q", 4, listener.handler());
  ASSERT_TRUE(receives(4));
  bench.run(consumer->barrier(bench.soon()));
  EXPECT_EQ(listener.messages.size(), 4U);
  EXPECT_EQ(ready(), 6U);
  EXPECT_THAT(bench.run(consumer->settle(tags_of(listener.messages), Settlement::ack)), IsEmpty());
  ASSERT_TRUE(receives(8));
  consumer->set_prefetch(100);
  ASSERT_TRUE(receives(10));
}

TEST_F(ConsumerTest, MayRestWithWhatItHas) {
  publish(5);
  const auto consumer = connection.consume("q", 2, listener.handler());
  ASSERT_TRUE(receives(2));
  consumer->set_prefetch(0);
  const auto tags = tags_of(listener.messages);
  EXPECT_THAT(bench.run(consumer->settle({tags[0]}, Settlement::ack)), IsEmpty());
  EXPECT_THAT(bench.run(consumer->settle({tags[1]}, Settlement::requeue)), IsEmpty());
  bench.run(consumer->barrier(bench.soon()));
  wait_until("the queue to have the rest", [this] { return ready() == 4; });
  EXPECT_EQ(listener.messages.size(), 2U);
  EXPECT_EQ(listener.lost, 0);
  consumer->set_prefetch(10);
  ASSERT_TRUE(receives(6));
  EXPECT_EQ(listener.messages[2].body, "1");
}

TEST_F(ConsumerTest, SettlesOnceAndSaysWhatItDoesNotKnow) {
  publish(3);
  const auto consumer = connection.consume("q", 10, listener.handler());
  ASSERT_TRUE(receives(3));
  const auto tags = tags_of(listener.messages);
  EXPECT_THAT(bench.run(consumer->settle({tags[1]}, Settlement::requeue)), IsEmpty());
  ASSERT_TRUE(receives(4));
  EXPECT_TRUE(listener.messages[3].redelivered);
  EXPECT_EQ(listener.messages[3].body, "1");
  EXPECT_EQ(bench.run(consumer->settle({tags[0], tags[1], tags[2]}, Settlement::ack)), std::vector{tags[1]});
  EXPECT_THAT(bench.run(consumer->settle({listener.messages[3].delivery_tag}, Settlement::reject)), IsEmpty());
  bench.run(consumer->barrier(bench.soon()));
  consumer->cancel();
  EXPECT_EQ(ready(), 0U);
}

TEST_F(ConsumerTest, ReceivesAgainAfterItsConnectionWasClosed) {
  publish(2);
  const auto consumer = connection.consume("q", 10, listener.handler());
  ASSERT_TRUE(receives(2));
  const auto old = tags_of(listener.messages);
  close_connections();
  ASSERT_TRUE(receives(4));
  EXPECT_EQ(listener.lost, 1);
  EXPECT_TRUE(listener.messages[2].redelivered);
  EXPECT_EQ(bench.run(consumer->settle(old, Settlement::ack)), old);
  const std::vector again(listener.messages.begin() + 2, listener.messages.end());
  EXPECT_THAT(bench.run(consumer->settle(tags_of(again), Settlement::ack)), IsEmpty());
}

TEST_F(ConsumerTest, WaitsForAQueueThatIsMissing) {
  const auto consumer = connection.consume("later", 10, listener.handler());
  ASSERT_TRUE(bench.run_until([&] { return !listener.troubles.empty(); }));
  EXPECT_THAT(listener.troubles[0], HasSubstr("no queue 'later'"));
  ASSERT_TRUE(bench.run(connection.declare_queue({.name = "later"}, bench.soon())));
  ASSERT_TRUE(bench.run(connection.publish(numbered("later", 0, 1), bench.soon())));
  EXPECT_TRUE(receives(1));
}

TEST_F(ConsumerTest, ComesBackWithinSecondsHoweverSlowlyItsConnectionWould) {
  auto settings = bench.settings();
  settings.reconnect = {.delay = std::chrono::hours{1}, .max_delay = std::chrono::hours{1}};
  Connection patient(bench.loop.get_executor(), settings);
  const auto consumer = patient.consume("later", 10, listener.handler());
  ASSERT_TRUE(bench.run_until([&] { return listener.troubles.size() >= 2; }));
  ASSERT_TRUE(bench.run(connection.declare_queue({.name = "later"}, bench.soon())));
  ASSERT_TRUE(bench.run(connection.publish(numbered("later", 0, 1), bench.soon())));
  EXPECT_TRUE(receives(1));
}

TEST_F(ConsumerTest, OfAQueueThatTheServerCanNotServeHoldsUpNoOther) {
  const QueueSpec quorum{.name = "broken", .arguments = {{"x-queue-type", "quorum"}}};
  ASSERT_TRUE(bench.run(connection.declare_queue(quorum, bench.soon())));
  const auto process = "{list_to_atom(\"" + bench.virtual_host + "_broken\"), node()}";
  bench.server.control({"eval", "ra:force_delete_server(quorum_queues, " + process + ")."});
  auto settings = bench.settings();
  settings.reconnect = {.delay = std::chrono::milliseconds{1}, .max_delay = std::chrono::seconds{10}};
  Connection consuming(bench.loop.get_executor(), settings);
  Listener broken_listener;
  const auto broken = consuming.consume("broken", 10, broken_listener.handler());
  const auto consumer = consuming.consume("q", 10, listener.handler());
  ASSERT_TRUE(bench.run_until([&] { return broken_listener.troubles.size() >= 2; }));
  EXPECT_THAT(broken_listener.troubles.at(0), HasSubstr("consuming queue \"broken\": "));
  std::size_t seen = 0;
  const auto twenty_over_one_connection = [&] {
    const int lost = listener.lost;
    for (int step = 0; step < 20; ++step) {
      publish(1);
      if (!receives(seen + 1) || listener.lost != lost) return false;
      const std::vector fresh(listener.messages.begin() + static_cast<std::ptrdiff_t>(seen), listener.messages.end());
      seen = listener.messages.size();
      if (!bench.run(consumer->settle(tags_of(fresh), Settlement::ack)).empty()) return false;
    }
    return true;
  };
  for (const Wait wait("twenty messages in a row over one connection"); !twenty_over_one_connection();) wait.go_on();
}

TEST_F(ConsumerTest, SaysThatItsQueueWasDeletedAndTakesItsSuccessor) {
  publish(1);
  const auto consumer = connection.consume("q", 10, listener.handler());
  ASSERT_TRUE(receives(1));
  ASSERT_TRUE(bench.run(connection.delete_queue("q", bench.soon())));
  ASSERT_TRUE(bench.run_until([&] { return listener.lost > 0; }));
  EXPECT_THAT(listener.troubles.at(0), HasSubstr("deleted"));
  ASSERT_TRUE(bench.run(connection.declare_queue({.name = "q"}, bench.soon())));
  publish(1);
  EXPECT_TRUE(receives(2));
}

TEST_F(ConsumerTest, BeginsAnewWhenItIsIdle) {
  publish(1);
  auto settings = bench.settings();
  settings.idle_renewal = std::chrono::milliseconds{50};
  Connection consuming(bench.loop.get_executor(), settings);
  const auto holding = consuming.consume("q", 1, listener.handler());
  ASSERT_TRUE(receives(1));
  ASSERT_TRUE(bench.run(connection.declare_queue({.name = "idle"}, bench.soon())));
  Listener idle_listener;
  const auto idle = consuming.consume("idle", 1, idle_listener.handler());
  ASSERT_TRUE(bench.run_until([&] { return idle_listener.lost >= 5; }));
  EXPECT_EQ(listener.lost, 0);
  EXPECT_THAT(bench.run(holding->settle(tags_of(listener.messages), Settlement::ack)), IsEmpty());
  ASSERT_TRUE(bench.run_until([&] { return listener.lost > 0; }));
  publish(1);
  EXPECT_TRUE(receives(2));
  EXPECT_THAT(idle_listener.troubles, IsEmpty());
}

class ConsumerOfARemadeQueue : public ConsumerTest, public testing::WithParamInterface<std::string> {};
INSTANTIATE_TEST_SUITE_P(OfType, ConsumerOfARemadeQueue, testing::Values("quorum", "classic"),
                         [](const auto& type) { return type.param; });

TEST_P(ConsumerOfARemadeQueue, TakesTheSuccessorThoughTheServerNoticesLate) {
  const QueueSpec remade{.name = "remade", .arguments = {{"x-queue-type", GetParam()}}};
  const auto publish_one = [&] {
    const auto fates = bench.run(connection.publish(numbered(remade.name, 0, 1), bench.soon()));
    EXPECT_THAT(fates.value(), testing::Each(Fate::confirmed));
  };
  ASSERT_TRUE(bench.run(connection.declare_queue(remade, bench.soon())));
  auto settings = bench.settings();
  settings.idle_renewal = std::chrono::seconds{4};
  Connection consuming(bench.loop.get_executor(), settings);
  const auto consumer = consuming.consume(remade.name, 10, listener.handler());
  publish_one();
  ASSERT_TRUE(receives(1));
  ASSERT_EQ(bench.server.freeze_consuming(bench.virtual_host), 1);
  ASSERT_TRUE(bench.run(connection.delete_queue(remade.name, bench.soon())));
  ASSERT_TRUE(bench.run(connection.declare_queue(remade, bench.soon())));
  publish_one();
  bench.server.thaw_consuming(bench.virtual_host);
  bench.run(consumer->settle(tags_of(listener.messages), Settlement::ack));
  EXPECT_TRUE(receives(2));
}

TEST_F(ConsumerTest, GivesBackWhatIsOutstandingWhenCancelled) {
  publish(3);
  const auto consumer = connection.consume("q", 10, listener.handler());
  ASSERT_TRUE(receives(3));
  consumer->cancel();
  Listener other;
  const auto successor = connection.consume("q", 10, other.handler());
  EXPECT_TRUE(bench.run_until([&] { return other.messages.size() == 3; }));
  EXPECT_EQ(listener.lost, 0);
}

TEST_F(ConsumerTest, OutlivesItsConnection) {
  auto other = std::make_unique<Connection>(bench.loop.get_executor(), bench.settings());
  const auto consumer = other->consume("q", 10, listener.handler());
  bench.run(other->wait_connected(bench.soon()));
  other.reset();
  EXPECT_THROW(bench.run(consumer->settle({{.generation = 1, .number = 1}}, Settlement::ack)), Unavailable);
  EXPECT_THROW(bench.run(consumer->barrier(bench.soon())), Unavailable);
}

TEST_F(ConsumerTest, EndsABarrierWhenItIsCancelled) {
  publish(1);
  const auto consumer = connection.consume("q", 10, listener.handler());
  ASSERT_TRUE(receives(1));
  auto barrier = asio::co_spawn(bench.loop, consumer->barrier(bench.soon()), asio::use_future);
  bench.loop.restart();
  bench.loop.poll();
  consumer->cancel();
  const auto over = [&barrier] { return barrier.wait_for(std::chrono::seconds{0}) == std::future_status::ready; };
  EXPECT_TRUE(bench.run_until(over));
}

class StalledChannelTest : public testing::Test {
 public:
  StalledChannelTest() { EXPECT_TRUE(bench.run(connection.declare_queue({.name = "q"}, bench.soon()))); }

 protected:
  ConnectionSettings impatient() {
    auto settings = bench.settings();
    settings.stall_limit = std::chrono::seconds{2};
    return settings;
  }
  /// The server's channels hang, and the connection does not notice.
  void suspend_channels() {
    bench.server.control({"eval", "[sys:suspend(Channel) || Channel <- rabbit_channel:list_local()]."});
  }

  TestBench bench{TestServer::shared()};
  Connection connection{bench.loop.get_executor(), impatient()};
};

TEST_F(StalledChannelTest, ConsumingGoesOnOverAnotherConnection) {
  Listener listener;
  const auto consumer = connection.consume("q", 10, listener.handler());
  ASSERT_TRUE(bench.run(connection.publish(numbered("q", 0, 1), bench.soon())));
  ASSERT_TRUE(bench.run_until([&] { return listener.messages.size() == 1; }));
  suspend_channels();
  EXPECT_THROW(bench.run(consumer->barrier(bench.soon())), Unavailable);
  ASSERT_TRUE(bench.run_until([&] { return listener.lost == 1; }));
  EXPECT_TRUE(bench.run_until([&] { return listener.messages.size() == 2; }));
  EXPECT_TRUE(listener.messages.back().redelivered);
}

TEST_F(StalledChannelTest, TopologyIsAskedForOverAnotherConnection) {
  suspend_channels();
  EXPECT_THROW([[maybe_unused]] const auto answer = bench.run(connection.inspect_queue("q", bench.soon())),
               Unavailable);
  EXPECT_TRUE(bench.run(connection.inspect_queue("q", bench.soon())));
}

}  // namespace
}  // namespace eventbus::amqp
