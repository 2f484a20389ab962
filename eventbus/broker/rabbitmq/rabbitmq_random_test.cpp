// Histories by chance, on one instance and on two.
#include "eventbus/broker/conformance/broker_random.hpp"
#include "eventbus/broker/rabbitmq/rabbitmq_instances_under_test.hpp"

namespace eventbus {
namespace {

std::unique_ptr<BrokerUnderTest> make_alone(asio::io_context& loop) {
  return std::make_unique<RabbitMqUnderTest>(loop);
}

std::unique_ptr<BrokerUnderTest> make_pair(asio::io_context& loop) {
  const RabbitMqTimes times{.patience = std::chrono::seconds{20}};
  return std::make_unique<RabbitMqPairUnderTest>(loop, times);
}

const std::set<KnownFault> of_several{KnownFault::one_instance_takes_what_is_ready,
                                      KnownFault::one_instance_has_the_ordered_queue};

// More of them by hand, with EVENTBUS_RANDOM_SEEDS, until some hundreds have passed.
const std::vector<BrokerCase> histories{
    {.name = "rabbitmq", .make = make_alone, .steps = 60, .seeds = 1},
    {.name = "rabbitmq_pair", .make = make_pair, .allowed = of_several, .steps = 60, .seeds = 0}};
INSTANTIATE_TEST_SUITE_P(RabbitMq, BrokerRandom, testing::ValuesIn(with_seeds(histories)), broker_case);

}  // namespace
}  // namespace eventbus
