#include "eventbus/amqp/connection.hpp"

#include <gmock/gmock.h>
#include <sys/socket.h>

#include <set>

#include "eventbus/amqp/testing/test_bench.hpp"

namespace eventbus::amqp {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class ConnectionTest : public testing::Test {
 protected:
  std::string trouble_with(ConnectionSettings settings) {
    Connection connection(bench.loop.get_executor(), std::move(settings));
    EXPECT_TRUE(bench.run_until([&] { return !connection.trouble().empty(); }));
    EXPECT_EQ(connection.state(), LinkState::disconnected);
    return connection.trouble();
  }

  TestBench bench{TestServer::shared()};
};

TEST_F(ConnectionTest, ConnectsAndEnds) {
  Connection connection(bench.loop.get_executor(), bench.settings());
  std::vector<LinkState> states;
  connection.on_change([&states](LinkState state) { states.push_back(state); });
  bench.run(connection.wait_connected(bench.soon()));
  EXPECT_EQ(connection.state(), LinkState::connected);
  EXPECT_EQ(connection.trouble(), "");
}

TEST_F(ConnectionTest, DeclaresInspectsAndDeletes) {
  Connection connection(bench.loop.get_executor(), bench.settings());
  EXPECT_TRUE(bench.run(connection.declare_exchange("ex", "topic", true, bench.soon())));
  QueueSpec spec{.name = "q", .arguments = {{"x-queue-type", "quorum"}, {"x-max-length", std::int64_t{1000}}}};
  const auto declared = bench.run(connection.declare_queue(spec, bench.soon()));
  ASSERT_TRUE(declared);
  EXPECT_EQ(declared->name, "q");
  EXPECT_TRUE(bench.run(connection.bind_queue("q", "ex", "a.#", bench.soon())));
  auto messages = numbered("a.b", 0, 3);
  for (auto& message : messages) message.exchange = "ex";
  ASSERT_TRUE(bench.run(connection.publish(messages, bench.soon())));
  EXPECT_EQ(bench.run(connection.purge_queue("q", bench.soon())).value(), 3U);
  EXPECT_TRUE(bench.run(connection.unbind_queue("q", "ex", "a.#", bench.soon())));
  EXPECT_EQ(bench.run(connection.publish(messages, bench.soon())).value(), std::vector(3, Fate::returned));
  EXPECT_EQ(bench.run(connection.inspect_queue("q", bench.soon()))->ready, 0U);
  EXPECT_EQ(bench.run(connection.delete_queue("q", bench.soon())).value(), 0U);
  EXPECT_TRUE(bench.run(connection.delete_exchange("ex", bench.soon())));
}

TEST_F(ConnectionTest, HealsAfterTheCallersFaults) {
  Connection connection(bench.loop.get_executor(), bench.settings());
  const auto missing = bench.run(connection.inspect_queue("missing", bench.soon()));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
  EXPECT_THAT(missing.error().detail, HasSubstr("missing"));
  ASSERT_TRUE(bench.run(connection.declare_queue({.name = "q"}, bench.soon())));
  const auto other = bench.run(connection.declare_queue({.name = "q", .durable = false}, bench.soon()));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::conflict);
  const auto unbound = bench.run(connection.bind_queue("q", "nowhere", "#", bench.soon()));
  ASSERT_FALSE(unbound);
  EXPECT_EQ(unbound.error().code, ErrorCode::not_found);
  const auto long_name = bench.run(connection.inspect_queue(std::string(256, 'q'), bench.soon()));
  ASSERT_FALSE(long_name);
  EXPECT_EQ(long_name.error().fields.at(0).field, "queue");
  EXPECT_TRUE(bench.run(connection.inspect_queue("q", bench.soon())));
  EXPECT_EQ(connection.state(), LinkState::connected);
}

TEST_F(ConnectionTest, SaysWhyItCanNotLogIn) {
  auto settings = bench.settings();
  settings.url.password = "s3cret-but-wrong";
  EXPECT_THAT(trouble_with(settings),
              AllOf(HasSubstr("password"), HasSubstr("RABBITMQ_URL"), HasSubstr("guest"), Not(HasSubstr("s3cret"))));
  settings = bench.settings();
  settings.url.virtual_host = "nowhere";
  EXPECT_THAT(trouble_with(settings), AllOf(HasSubstr("no virtual host \"nowhere\""), HasSubstr("RABBITMQ_URL")));
  bench.server.control({"add_user", "stranger" + bench.virtual_host, "pw"});
  settings = bench.settings();
  settings.url.user = "stranger" + bench.virtual_host;
  settings.url.password = "pw";
  EXPECT_THAT(trouble_with(settings), AllOf(HasSubstr("has no access to virtual host"), HasSubstr("set_permissions")));
}

TEST_F(ConnectionTest, SaysWhyNothingAnswers) {
  auto settings = bench.settings();
  settings.url.endpoints[0].port = 1;
  EXPECT_THAT(trouble_with(settings), AllOf(HasSubstr("127.0.0.1:1"), HasSubstr("refused"), HasSubstr("RABBITMQ_URL")));
  settings.url.endpoints[0] = {.host = "no-such-host.invalid", .port = 5672};
  EXPECT_THAT(trouble_with(settings), AllOf(HasSubstr("no-such-host.invalid"), HasSubstr("RABBITMQ_URL")));
}

TEST_F(ConnectionTest, TellsWhyWaitingWasInVain) {
  auto settings = bench.settings();
  settings.url.endpoints[0].port = 1;
  Connection connection(bench.loop.get_executor(), settings);
  const auto shortly = [] { return std::chrono::steady_clock::now() + std::chrono::milliseconds{1500}; };
  const auto reason_of = [this](auto work) -> std::string {
    try {
      bench.run(std::move(work));
    } catch (const Unavailable& problem) {
      return problem.what();
    }
    return "none";
  };
  EXPECT_THAT(reason_of(connection.wait_connected(shortly())), HasSubstr("refused"));
  EXPECT_THAT(reason_of(connection.publish(numbered("q", 0, 1), shortly())), HasSubstr("refused"));
  EXPECT_THAT(reason_of(connection.inspect_queue("q", shortly())), HasSubstr("refused"));
}

TEST_F(ConnectionTest, GoesOnToTheNextHost) {
  auto settings = bench.settings();
  settings.url.endpoints.insert(settings.url.endpoints.begin(), {.host = "127.0.0.1", .port = 1});
  Connection connection(bench.loop.get_executor(), settings);
  bench.run(connection.wait_connected(bench.soon()));
  EXPECT_EQ(connection.state(), LinkState::connected);
}

TEST_F(ConnectionTest, ReconnectsWhenTheServerClosesTheConnection) {
  Connection connection(bench.loop.get_executor(), bench.settings());
  bench.run(connection.wait_connected(bench.soon()));
  std::vector<LinkState> states;
  connection.on_change([&states](LinkState state) { states.push_back(state); });
  bench.server.control({"close_all_connections", "--vhost", bench.virtual_host, "maintenance-in-test"});
  EXPECT_TRUE(bench.run_until([&states] { return states.size() >= 2; }));
  EXPECT_EQ(states.at(0), LinkState::disconnected);
  EXPECT_EQ(states.at(1), LinkState::connected);
  EXPECT_THAT(connection.trouble(), HasSubstr("maintenance-in-test"));
}

TEST_F(ConnectionTest, EndsWhatWaits) {
  auto settings = bench.settings();
  settings.url.endpoints[0].port = 1;
  auto connection = std::make_unique<Connection>(bench.loop.get_executor(), settings);
  auto published = asio::co_spawn(bench.loop, connection->publish(numbered("q", 0, 1), bench.soon()), asio::use_future);
  auto inspected = asio::co_spawn(bench.loop, connection->inspect_queue("q", bench.soon()), asio::use_future);
  auto connected = asio::co_spawn(bench.loop, connection->wait_connected(bench.soon()), asio::use_future);
  bench.loop.poll();
  connection.reset();
  run_to_end(bench.loop, "all that goes on");
  EXPECT_THROW([[maybe_unused]] const auto answer = published.get(), Unavailable);
  EXPECT_THROW([[maybe_unused]] const auto answer = inspected.get(), Unavailable);
  EXPECT_THROW(connected.get(), Unavailable);
}

}  // namespace
}  // namespace eventbus::amqp
