#include "eventbus/broker/embedded/embedded_broker.hpp"

#include "eventbus/broker/conformance/broker_random.hpp"
#include "eventbus/broker/conformance/broker_suite_delivery.hpp"
#include "eventbus/broker/conformance/broker_suite_queues.hpp"
#include "eventbus/broker/conformance/broker_suite_redrive.hpp"
#include "eventbus/broker/embedded/embedded_under_test.hpp"

namespace eventbus {
namespace {

BrokerSettings tiny() {
  return {.window = 4,
          .max_outstanding = 10000,
          .max_gaps = 2,
          .cache_bytes = 3000,
          .checkpoint_events = 8,
          .routes_per_read = 3,
          .events_per_read = 2};
}

std::unique_ptr<BrokerUnderTest> make_default(asio::io_context& loop) {
  return std::make_unique<EmbeddedUnderTest>(loop, BrokerSettings{});
}

std::unique_ptr<BrokerUnderTest> make_tiny(asio::io_context& loop) {
  return std::make_unique<EmbeddedUnderTest>(loop, tiny());
}

const std::vector<BrokerCase> cases{{"embedded", make_default}, {"embedded_tiny", make_tiny}};
INSTANTIATE_TEST_SUITE_P(Embedded, BrokerConformance, testing::ValuesIn(cases), broker_case);
INSTANTIATE_TEST_SUITE_P(Embedded, BrokerEntries, testing::ValuesIn(cases), broker_case);
INSTANTIATE_TEST_SUITE_P(Embedded, BrokerEntriesRestored, testing::ValuesIn(cases), broker_case);
INSTANTIATE_TEST_SUITE_P(Embedded, BrokerRandom, testing::ValuesIn(with_seeds(cases)), broker_case);

}  // namespace
}  // namespace eventbus
