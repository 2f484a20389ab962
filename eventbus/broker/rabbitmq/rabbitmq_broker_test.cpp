#include "eventbus/broker/rabbitmq/rabbitmq_broker.hpp"

#include "eventbus/broker/conformance/broker_suite_delivery.hpp"
#include "eventbus/broker/conformance/broker_suite_queues.hpp"
#include "eventbus/broker/conformance/broker_suite_redrive.hpp"
#include "eventbus/broker/rabbitmq/rabbitmq_under_test.hpp"

namespace eventbus {
namespace {

std::unique_ptr<BrokerUnderTest> make_rabbitmq(asio::io_context& loop) {
  return std::make_unique<RabbitMqUnderTest>(loop);
}

INSTANTIATE_TEST_SUITE_P(RabbitMq, BrokerConformance, testing::Values(BrokerCase{"rabbitmq", make_rabbitmq}),
                         broker_case);
INSTANTIATE_TEST_SUITE_P(RabbitMq, BrokerEntries, testing::Values(BrokerCase{"rabbitmq", make_rabbitmq}), broker_case);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(BrokerEntriesRestored);

TEST_P(BrokerConformance, AWaitingReceiveThatBeginsToConsumeTakesAllThatIsReady) {
  declare(queue("q"));
  publish_burst(200);
  EXPECT_EQ(receive("q", 150, Millis{10'000}).size(), 150u);
}

}  // namespace
}  // namespace eventbus
