#include "eventbus/library/event_subscriber.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <mutex>

#include "eventbus/amqp/testing/test_bench.hpp"
#include "eventbus/broker/rabbitmq/event_message.hpp"
#include "eventbus/library/connection_manager.hpp"
#include "eventbus/library/event_publisher.hpp"
#include "eventbus/library/make_event.hpp"

namespace eventbus {
namespace {

using amqp::TestServer;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

/// What handlers on several threads saw.
class Notes {
 public:
  void add(std::string note) {
    const std::lock_guard lock(mutex_);
    notes_.push_back(std::move(note));
    changed_.notify_all();
  }
  std::vector<std::string> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds{60}, [&] { return notes_.size() >= count; });
    return notes_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> notes_;
};

Event event_to_publish(const std::string& id, const std::string& type = "user.created", const std::string& key = "") {
  return {.event_id = id, .event_type = type, .ordering_key = key};
}

asio::awaitable<void> take_time(const ReceivedEvent& received, std::atomic<int>& at_once, std::atomic<int>& most,
                                Notes& notes) {
  most = std::max(most.load(), ++at_once);
  asio::steady_timer pause(co_await asio::this_coro::executor, std::chrono::milliseconds{2});
  co_await pause.async_wait(asio::use_awaitable);
  --at_once;
  notes.add(received.event.event_id);
}

class EventSubscriberTest : public testing::Test {
 protected:
  EventSubscriberTest() {
    const auto connected = connections.connect();
    EXPECT_TRUE(connected) << connected.error().detail;
    EXPECT_TRUE(subscriber.declare_queue("q", {"#"}));
  }

  /// What lies in a queue, taken by an independent connection.
  std::vector<amqp::ReceivedMessage> take(const std::string& queue, std::size_t count) {
    amqp::Listener listener;
    amqp::Connection connection(bench.loop.get_executor(), bench.settings());
    const auto consumer = connection.consume(queue, 100, listener.handler());
    EXPECT_TRUE(bench.run_until([&] { return listener.messages.size() >= count; }));
    return listener.messages;
  }

  amqp::TestBench bench{TestServer::shared()};
  RabbitMQConnectionManager connections{TestServer::shared().url(bench.virtual_host)};
  EventPublisher publisher{connections};
  EventSubscriber subscriber{connections,
                             {.retry = {.max_retries = 2, .delay = std::chrono::milliseconds{20}, .backoff = 1.0}}};
  Notes notes;
};

TEST_F(EventSubscriberTest, CallsEveryHandlerThatMatches) {
  const auto note = [this](const std::string& name) {
    return [this, name](const ReceivedEvent& received) { notes.add(name + " " + received.event.event_id); };
  };
  ASSERT_TRUE(subscriber.register_handler("user.*", note("user")));
  ASSERT_TRUE(subscriber.register_handler("#", note("all")));
  ASSERT_TRUE(subscriber.register_handler("order.placed", note("order")));
  EXPECT_FALSE(subscriber.register_handler("user*", note("never")));
  ASSERT_TRUE(subscriber.start_consuming("q"));
  EXPECT_EQ(subscriber.start_consuming("q").error().code, ErrorCode::conflict);
  EXPECT_EQ(subscriber.register_handler("late", note("late")).error().code, ErrorCode::conflict);
  EXPECT_EQ(publisher.publish(event_to_publish("a")).value(), true);
  EXPECT_EQ(publisher.publish(event_to_publish("b", "order.placed")).value(), true);
  EXPECT_THAT(notes.wait_for(4), UnorderedElementsAre("user a", "all a", "all b", "order b"));
}

TEST_F(EventSubscriberTest, TriesAgainAndGivesUpWithReasonAndAttempts) {
  ASSERT_TRUE(subscriber.register_handler("#", [this](const ReceivedEvent& received) {
    notes.add(received.event.event_id + " " + std::to_string(received.attempt));
    throw std::runtime_error("not today");
  }));
  ASSERT_TRUE(subscriber.start_consuming("q"));
  ASSERT_TRUE(publisher.publish(event_to_publish("a")));
  EXPECT_THAT(notes.wait_for(3), ElementsAre("a 1", "a 2", "a 3"));
  const auto dead = take("q.dlq", 1);
  ASSERT_EQ(dead.size(), 1U);
  const auto death = rabbitmq::read_death(dead[0], "q", now());
  EXPECT_EQ(death.reason, "max_retries");
  EXPECT_EQ(death.attempts, 3U);
  EXPECT_EQ(rabbitmq::read_message(dead[0]).value().event.event->event_id, "a");
}

TEST_F(EventSubscriberTest, RejectsAtOnceWhatNobodyCanHandle) {
  ASSERT_TRUE(subscriber.register_handler("user.*", [](const ReceivedEvent&) { throw RejectEvent("no such user"); }));
  ASSERT_TRUE(subscriber.start_consuming("q"));
  ASSERT_TRUE(publisher.publish(event_to_publish("a")));
  ASSERT_TRUE(publisher.publish(event_to_publish("b", "order.placed")));
  std::vector<std::string> reasons;
  for (const auto& message : take("q.dlq", 2)) reasons.push_back(rabbitmq::read_death(message, "q", now()).reason);
  EXPECT_THAT(reasons, UnorderedElementsAre("no such user", "no_handler"));
}

TEST_F(EventSubscriberTest, PutsAMessageThatIsNoEventAside) {
  ASSERT_TRUE(subscriber.register_handler("#", [](const ReceivedEvent&) {}));
  ASSERT_TRUE(subscriber.start_consuming("q"));
  amqp::Connection other(bench.loop.get_executor(), bench.settings());
  amqp::Message nonsense{.exchange = "", .routing_key = "q", .body = "not an event", .properties = {}};
  ASSERT_TRUE(bench.run(other.publish({nonsense}, bench.soon())));
  const auto dead = take("q.dlq", 1);
  ASSERT_EQ(dead.size(), 1U);
  EXPECT_EQ(dead[0].body, "not an event");
  EXPECT_THAT(rabbitmq::read_death(dead[0], "q", now()).reason, testing::StartsWith("malformed: "));
}

TEST_F(EventSubscriberTest, HandlesEventsOfOneKeyOneAfterTheOther) {
  std::atomic<int> at_once = 0;
  std::atomic<int> most = 0;
  ASSERT_TRUE(subscriber.register_async_handler(
      "#", [&](const ReceivedEvent& received) { return take_time(received, at_once, most, notes); }));
  std::vector<Event> events;
  std::vector<std::string> expected;
  for (int number = 0; number < 50; ++number) {
    expected.push_back("e" + std::to_string(number));
    events.push_back(event_to_publish(expected.back(), "user.created", "one"));
  }
  for (const auto& result : publisher.publish_batch(events)) EXPECT_EQ(result.value(), true);
  ASSERT_TRUE(subscriber.start_consuming("q"));
  EXPECT_EQ(notes.wait_for(50), expected);
  EXPECT_EQ(most, 1);
}

TEST_F(EventSubscriberTest, GivesBackWhatItDidNotHandleWhenItStops) {
  ASSERT_TRUE(
      subscriber.register_handler("#", [this](const ReceivedEvent& received) { notes.add(received.event.event_id); }));
  ASSERT_TRUE(subscriber.start_consuming("q"));
  ASSERT_TRUE(publisher.publish(event_to_publish("a")));
  EXPECT_THAT(notes.wait_for(1), ElementsAre("a"));
  subscriber.stop_consuming();
  ASSERT_TRUE(publisher.publish(event_to_publish("b")));
  const auto left = take("q", 1);
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0].properties.message_id, "b");
}

TEST_F(EventSubscriberTest, SaysWhatCannotBeDeclaredOrConsumed) {
  EXPECT_EQ(subscriber.start_consuming("nowhere").error().code, ErrorCode::not_found);
  EXPECT_THAT(subscriber.declare_queue("q/q", {"#"}).error().detail, HasSubstr("queue"));
  EXPECT_THAT(subscriber.declare_queue("r", {}).error().detail, HasSubstr("routing_keys"));
  EXPECT_THAT(subscriber.declare_queue("r", {"a*"}).error().detail, HasSubstr("routing_keys"));
}

TEST_F(EventSubscriberTest, GoesOnAfterTheServerWasAway) {
  ASSERT_TRUE(
      subscriber.register_handler("#", [this](const ReceivedEvent& received) { notes.add(received.event.event_id); }));
  ASSERT_TRUE(subscriber.start_consuming("q"));
  TestServer::shared().restart();
  Result<bool> published = false;
  for (int attempt = 0; attempt < 10 && !published.value_or(false); ++attempt)
    published = publisher.publish(event_to_publish("a"));
  EXPECT_EQ(published.value(), true);
  EXPECT_THAT(notes.wait_for(1), testing::Contains("a"));
}

TEST_F(EventSubscriberTest, PublishingTellsWhetherAQueueTookIt) {
  EXPECT_EQ(publisher.publish(event_to_publish("a"), "elsewhere", "nobody.listens").value(), false);
  EXPECT_EQ(publisher.publish(event_to_publish("b"), "events", "user.created", false).value(), true);
  const auto messages = take("q", 1);
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(messages[0].properties.delivery_mode, 1);
  const auto mixed =
      publisher.publish_batch({event_to_publish("c"), event_to_publish("d", "bad..type"), event_to_publish("e")});
  ASSERT_EQ(mixed.size(), 3U);
  EXPECT_TRUE(mixed[0].value());
  EXPECT_EQ(mixed[1].error().code, ErrorCode::invalid);
  EXPECT_TRUE(mixed[2].value());
}

TEST(RabbitMQConnectionManagerTest, ConnectsDisconnectsAndConnectsAgain) {
  const amqp::TestBench bench{TestServer::shared()};
  RabbitMQConnectionManager connections(TestServer::shared().url(bench.virtual_host));
  EventPublisher publisher(connections);
  EXPECT_FALSE(connections.is_connected());
  EXPECT_THAT(publisher.publish(event_to_publish("a")).error().detail, HasSubstr("connect"));
  for (int round = 0; round < 2; ++round) {
    ASSERT_TRUE(connections.connect());
    ASSERT_TRUE(connections.connect());
    EXPECT_TRUE(connections.is_connected());
    EXPECT_EQ(publisher.publish(event_to_publish("a")).value(), false);
    connections.disconnect();
    EXPECT_FALSE(connections.is_connected());
  }
}

TEST(RabbitMQConnectionManagerTest, GivesUpWhereTheServerIsAwayOrRefuses) {
  RabbitMQConnectionManager away("amqp://guest:secret@127.0.0.1:1/", 2, std::chrono::milliseconds{1});
  const auto failed = away.connect();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::unavailable);
  EXPECT_THAT(failed.error().detail, testing::AllOf(HasSubstr("127.0.0.1:1"), HasSubstr("3 times")));
  EXPECT_THAT(failed.error().detail, testing::Not(HasSubstr("secret")));
  RabbitMQConnectionManager refused("amqp://guest:wrong@127.0.0.1:" + std::to_string(TestServer::shared().port()) +
                                    "/");
  ASSERT_FALSE(refused.connect());
  EXPECT_THAT(refused.trouble(), testing::Not(testing::IsEmpty()));
  RabbitMQConnectionManager nonsense("http://x");
  EXPECT_EQ(nonsense.connect().error().code, ErrorCode::invalid);
}

}  // namespace
}  // namespace eventbus
