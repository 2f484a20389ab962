// What the broker does while RabbitMQ doesn't answer, and after.
#include "eventbus/broker/conformance/broker_suite.hpp"
#include "eventbus/broker/rabbitmq/rabbitmq_under_test.hpp"

namespace eventbus {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

std::unique_ptr<BrokerUnderTest> make_impatient(asio::io_context& loop) {
  return std::make_unique<RabbitMqUnderTest>(loop, RabbitMqTimes{.timeout = std::chrono::milliseconds{1500}});
}

class RabbitMqFailure : public BrokerSuite {
 protected:
  static amqp::TestServer& server() { return amqp::TestServer::shared(); }

  /// Publishes one event once the server takes it.
  void publish_when_possible() {
    const auto one = draft({});
    std::vector<AppendRequest> requests(1);
    requests.front().drafts.push_back(one);
    auto appended = run(under_test->store().append(std::move(requests)));
    const std::vector<StoredEvent> stored{appended.front().front().event};
    for (const Wait wait("the relay's publish to be taken");; wait.go_on()) {
      try {
        return run(under_test->relay(stored));
      } catch (const Unavailable&) {
        pass(Millis{50});
      }
    }
  }

  /// The operation is tried until it works.
  template <class Operation>
  auto until_answered(Operation operation) {
    for (const Wait wait("an answer other than that RabbitMQ is unavailable");; wait.go_on()) {
      try {
        return run(operation()).value();
      } catch (const Unavailable&) {
        pass(Millis{50});
      }
    }
  }
  template <class Answer>
  bool is_unavailable(asio::awaitable<Answer> operation) {
    try {
      [[maybe_unused]] const auto answer = run(std::move(operation));
      return false;
    } catch (const Unavailable&) {
      return true;
    }
  }
};

INSTANTIATE_TEST_SUITE_P(RabbitMq, RabbitMqFailure, testing::Values(BrokerCase{"rabbitmq", make_impatient}),
                         broker_case);

TEST_P(RabbitMqFailure, AnswersUnavailableWhileTheServerIsFrozen) {
  declare(queue("q"));
  publish_many(4);
  const auto taken = receive("q", 3);
  ASSERT_THAT(taken, SizeIs(3));
  nack("q", {taken[0]}, {.requeue = false, .delay = {}, .reason = {}});

  server().freeze();
  const std::string q = "q";
  EXPECT_TRUE(is_unavailable(broker().declare(queue("q", "user.*"))));
  EXPECT_TRUE(is_unavailable(broker().declare(queue("new"))));
  EXPECT_TRUE(is_unavailable(broker().info(q)));
  EXPECT_TRUE(is_unavailable(broker().purge(q)));
  EXPECT_THAT(dead_letters(q), ElementsAre("e1 rejected 1")) << "they rest in the database";
  EXPECT_TRUE(is_unavailable(broker().redrive(q, {.event_ids = {}, .reason = {}, .all = true}, 0, false)));
  EXPECT_TRUE(is_unavailable(broker().ack(q, {taken[1].delivery_id})));
  EXPECT_TRUE(is_unavailable(broker().nack(q, {taken[2].delivery_id}, {})));
  EXPECT_THROW(publish(), Unavailable);
  server().thaw();

  EXPECT_EQ(until_answered([&] { return broker().declare(queue("new")); }), DeclareOutcome::created);
  EXPECT_THAT(until_answered([&] { return broker().dead_letters(q, {}, 10); }).dead_letters, SizeIs(1));
}

TEST_P(RabbitMqFailure, KnowsAQueueUntilTheServerRemovedIt) {
  declare(queue("q"));
  publish();
  server().freeze();
  EXPECT_TRUE(is_unavailable(broker().remove("q")));
  server().thaw();
  EXPECT_EQ(until_answered([&] { return broker().info("q"); }).definition.name, "q");
  ASSERT_TRUE(run(broker().remove("q")));
  EXPECT_FALSE(run(broker().info("q")));
}

TEST_P(RabbitMqFailure, DeliversAgainAfterTheServerWasKilled) {
  declare(queue("q"));
  server().restart();  // see Failures.KeepEveryConfirmedMessageThroughAKill
  until_answered([&] { return broker().info("q"); });
  publish_when_possible();
  const auto taken = event_ids(receive("q", 10, Millis{20000}));
  ASSERT_THAT(taken, ElementsAre("e1"));
  server().kill();
  server().start();
  EXPECT_EQ(event_ids(receive("q", 10, Millis{60000})), taken);
}

}  // namespace
}  // namespace eventbus
