#include <gmock/gmock.h>

#include <set>

#include "eventbus/amqp/connection.hpp"
#include "eventbus/amqp/testing/test_bench.hpp"

namespace eventbus::amqp {
namespace {

using testing::HasSubstr;

QueueSpec quorum_queue() {
  return {.name = "q", .arguments = {{"x-queue-type", "quorum"}}};
}

/// Publishes call after call, notes what was confirmed, and goes on when the server is gone.
asio::awaitable<void> publish_all(Connection& connection, int calls, int messages_a_call,
                                  std::set<std::string>& confirmed, int& done) {
  for (; done < calls; ++done) {
    const auto messages = numbered("q", done * messages_a_call, messages_a_call);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    const auto fates = co_await connection.publish(messages, deadline);
    for (std::size_t at = 0; at < messages.size(); ++at)
      if (fates->at(at) == Fate::confirmed) confirmed.insert(messages[at].body);
  }
}

TEST(Failures, KeepEveryConfirmedMessageThroughAKill) {
  TestBench bench{TestServer::shared()};
  Connection connection(bench.loop.get_executor(), bench.settings());
  ASSERT_TRUE(bench.run(connection.declare_queue(quorum_queue(), bench.soon())));
  // RabbitMQ 3.10 forgets that a quorum queue ever had a leader when it is killed soon after it was declared, and then
  // elects none.
  bench.server.restart();
  std::set<std::string> confirmed;
  constexpr int calls = 60;
  int done = 0;
  auto publishing = asio::co_spawn(bench.loop, publish_all(connection, calls, 100, confirmed, done), asio::use_future);
  ASSERT_TRUE(bench.run_until([&done] { return done >= calls / 3; }));
  bench.server.kill();
  ASSERT_TRUE(bench.run_until([&] { return connection.state() == LinkState::disconnected; }));
  bench.server.start();
  ASSERT_TRUE(bench.run_until([&done] { return done == calls; })) << done << " calls done; " << connection.trouble();
  publishing.get();

  Listener listener;
  const auto consumer = connection.consume("q", 10000, listener.handler());
  std::set<std::string> received;
  const auto has_all = [&] {
    for (const auto& message : std::exchange(listener.messages, {})) received.insert(message.body);
    return std::ranges::includes(received, confirmed);
  };
  EXPECT_TRUE(bench.run_until(has_all));
  EXPECT_GE(confirmed.size(), std::size_t{2} * calls / 3 * 100 / 2);
}

TEST(Failures, ShowABlockedServer) {
  TestBench bench{TestServer::shared()};
  Connection connection(bench.loop.get_executor(), bench.settings());
  ASSERT_TRUE(bench.run(connection.declare_queue({.name = "q"}, bench.soon())));
  bench.server.control({"set_vm_memory_high_watermark", "0.0001"});
  // The server blocks a connection when it publishes.
  const auto shortly = std::chrono::steady_clock::now() + std::chrono::seconds{2};
  const auto in_doubt = bench.run(connection.publish(numbered("q", 0, 1), shortly));
  EXPECT_EQ(in_doubt.value(), std::vector{Fate::unknown});
  ASSERT_TRUE(bench.run_until([&] { return connection.state() == LinkState::blocked; }));
  EXPECT_THAT(connection.trouble(), HasSubstr("memory"));
  const auto soon = std::chrono::steady_clock::now() + std::chrono::milliseconds{200};
  EXPECT_THROW([[maybe_unused]] const auto answer = bench.run(connection.publish(numbered("q", 1, 1), soon)),
               Unavailable);

  auto waiting = asio::co_spawn(bench.loop, connection.publish(numbered("q", 2, 1), bench.soon()), asio::use_future);
  bench.server.control({"set_vm_memory_high_watermark", "0.8"});
  ASSERT_TRUE(bench.run_until([&] { return waiting.wait_for(std::chrono::seconds{0}) == std::future_status::ready; }));
  EXPECT_EQ(waiting.get().value(), std::vector{Fate::confirmed});
  EXPECT_EQ(connection.state(), LinkState::connected);
}

TEST(Failures, NoticeAFrozenServerByItsHeartbeats) {
  TestBench bench{TestServer::shared()};
  auto settings = bench.settings("?heartbeat=1&connection_timeout=2000");
  Connection connection(bench.loop.get_executor(), settings);
  bench.run(connection.wait_connected(bench.soon()));
  bench.server.freeze();
  EXPECT_TRUE(bench.run_until([&] { return connection.state() == LinkState::disconnected; }));
  EXPECT_THAT(connection.trouble(), HasSubstr("heartbeat"));
  // Its kernel still takes connections: the login must not hold up deadlines.
  const auto soon = std::chrono::steady_clock::now() + std::chrono::milliseconds{100};
  EXPECT_THROW([[maybe_unused]] const auto answer = bench.run(connection.publish(numbered("q", 0, 1), soon)),
               Unavailable);
  bench.server.thaw();
  bench.run(connection.wait_connected(bench.soon()));
}

TEST(Failures, LetNothingOfAStreamOvertakeWhatWasLost) {
  TestBench bench{TestServer::shared()};
  auto settings = bench.settings();
  settings.confirm_window = 1;
  Connection connection(bench.loop.get_executor(), settings);
  ASSERT_TRUE(bench.run(connection.declare_queue({.name = "q"}, bench.soon())));
  bench.server.freeze();
  const auto shortly = std::chrono::steady_clock::now() + std::chrono::seconds{1};
  auto lost =
      asio::co_spawn(bench.loop, connection.publish(numbered("q", 0, 1), shortly, {.number = 1}), asio::use_future);
  auto behind = asio::co_spawn(bench.loop, connection.publish(numbered("q", 1, 1), bench.soon(), {.number = 1}),
                               asio::use_future);
  auto other = asio::co_spawn(bench.loop, connection.publish(numbered("q", 2, 1), bench.soon(), {.number = 2}),
                              asio::use_future);
  const auto ended = [](auto& future) { return future.wait_for(std::chrono::seconds{0}) == std::future_status::ready; };
  ASSERT_TRUE(bench.run_until([&] { return ended(lost) && ended(behind); }));
  EXPECT_EQ(lost.get().value(), std::vector{Fate::unknown});
  EXPECT_THROW([[maybe_unused]] const auto answer = behind.get(), Unavailable);
  EXPECT_THROW([[maybe_unused]] const auto answer =
                   bench.run(connection.publish(numbered("q", 3, 1), bench.soon(), {.number = 1})),
               Unavailable);
  bench.server.thaw();
  ASSERT_TRUE(bench.run_until([&] { return ended(other); }));
  EXPECT_EQ(other.get().value(), std::vector{Fate::confirmed});
}

TEST(Failures, ResumeAfterAnOrderlyRestart) {
  TestBench bench{TestServer::shared()};
  Connection connection(bench.loop.get_executor(), bench.settings());
  ASSERT_TRUE(bench.run(connection.declare_queue(quorum_queue(), bench.soon())));
  Listener listener;
  const auto consumer = connection.consume("q", 10, listener.handler());
  ASSERT_TRUE(bench.run(connection.publish(numbered("q", 0, 1), bench.soon())));
  ASSERT_TRUE(bench.run_until([&] { return listener.messages.size() == 1; }));
  bench.server.restart();
  EXPECT_TRUE(bench.run_until([&] { return listener.messages.size() == 2; }));
  EXPECT_EQ(listener.lost, 1);
}

}  // namespace
}  // namespace eventbus::amqp
