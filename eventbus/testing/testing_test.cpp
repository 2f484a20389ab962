#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <csignal>

#include "eventbus/testing/child_process.hpp"
#include "eventbus/testing/waiting.hpp"

namespace eventbus {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::ThrowsMessage;

asio::awaitable<int> answer_after(std::chrono::steady_clock::duration delay) {
  asio::steady_timer timer(co_await asio::this_coro::executor, delay);
  co_await timer.async_wait(asio::use_awaitable);
  co_return 42;
}

TEST(Waiting, EndsWithWhatItWaitedFor) {
  const auto never = [] { return false; };
  const auto says = ThrowsMessage<std::runtime_error>(HasSubstr("waited 20 ms for the moon"));
  asio::io_context loop;
  EXPECT_THAT([&] { wait_until("the moon", never, 20ms); }, says);
  EXPECT_THAT([&] { run_until(loop, "the moon", never, 20ms); }, says);
  auto slow = asio::co_spawn(loop, answer_after(1h), asio::use_future);
  EXPECT_THAT([&] { run_to_end(loop, "the moon", 20ms); }, says);
  EXPECT_THAT([&] { result_of(loop, std::move(slow), "the moon", 20ms); }, says);
}

TEST(Waiting, ReturnsWhatCame) {
  asio::io_context loop;
  EXPECT_EQ(result_of(loop, asio::co_spawn(loop, answer_after(1ms), asio::use_future), "an answer"), 42);
  std::promise<int> nobody;
  EXPECT_THROW(result_of(loop, nobody.get_future(), "an answer"), std::logic_error) << "at once: the loop has no work";
}

void hang() {
  alarm(1);  // instead of in ten minutes
  for (;;) pause();
}

TEST(Watchdog, EndsACaseThatHangs) {
  EXPECT_EXIT(hang(), testing::KilledBySignal(SIGABRT), "Watchdog.EndsACaseThatHangs still runs after");
}

TEST(ChildProcess, RunsInAFolderOfItsOwnThatItsUserMayEnter) {
  const auto home = make_folder("eventbus-home-");
  const auto folder = make_folder("eventbus-child-");
  ASSERT_EQ(chmod(home.c_str(), 0700), 0);
  give_to("nobody", folder);
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(home);
  const auto status = exit_status(spawn({.command = {"/bin/sh", "-c", "cd . && pwd && echo trouble >&2"},
                                         .environment = {"PATH=/usr/bin:/bin"},
                                         .folder = folder,
                                         .output = folder / "output",
                                         .log = folder / "log",
                                         .user = "nobody"}),
                                  "pwd");
  std::filesystem::current_path(before);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(text_of(folder / "output"), folder.string() + "\n");
  EXPECT_EQ(text_of(folder / "log"), "trouble\n");
  std::filesystem::remove_all(home);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace eventbus
