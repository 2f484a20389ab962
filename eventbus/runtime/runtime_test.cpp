#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "eventbus/runtime/crash_point.hpp"
#include "eventbus/runtime/signal.hpp"
#include "eventbus/runtime/suspend.hpp"
#include "eventbus/runtime/task_group.hpp"
#include "eventbus/testing/waiting.hpp"

namespace eventbus {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto far_away = std::chrono::hours{1};

asio::awaitable<void> record_wait(Signal& signal, Clock::time_point deadline, std::string name,
                                  std::vector<std::string>& log) {
  const bool notified = co_await signal.wait_until(deadline);
  log.push_back(name + (notified ? " notified" : " timed out"));
}

TEST(Signal, WakesWaitersInTheOrderTheyCame) {
  asio::io_context loop;
  Signal signal(loop.get_executor());
  std::vector<std::string> log;
  TaskGroup tasks(loop.get_executor());
  tasks.spawn("a", record_wait(signal, Clock::now() + far_away, "a", log));
  tasks.spawn("b", record_wait(signal, Clock::now() + far_away, "b", log));
  loop.poll();
  signal.notify_one();
  loop.poll();
  EXPECT_EQ(log, std::vector<std::string>{"a notified"});
  signal.notify_all();
  run_to_end(loop, "all that goes on");
  EXPECT_EQ(log, (std::vector<std::string>{"a notified", "b notified"}));
}

TEST(Signal, TimesOutAtTheDeadline) {
  asio::io_context loop;
  Signal signal(loop.get_executor());
  std::vector<std::string> log;
  TaskGroup tasks(loop.get_executor());
  tasks.spawn("a", record_wait(signal, Clock::now(), "a", log));
  run_to_end(loop, "all that goes on");
  EXPECT_EQ(log, std::vector<std::string>{"a timed out"});
  EXPECT_EQ(signal.waiting(), 0u);
}

asio::awaitable<void> failing() {
  throw std::runtime_error("broken");
  co_return;
}

asio::awaitable<void> join_all(TaskGroup& tasks, bool& joined) {
  co_await tasks.join();
  joined = true;
}

TEST(TaskGroup, TellsItsOwnerOfAFailureAndJoinsTheOthers) {
  asio::io_context loop;
  Signal signal(loop.get_executor());
  std::vector<std::string> log;
  TaskGroup tasks(loop.get_executor(), [&log](const TaskFailed& failure) { log.emplace_back(failure.what()); });
  bool joined = false;
  tasks.spawn("fails", failing());
  tasks.spawn("waits", record_wait(signal, Clock::now() + far_away, "w", log));
  asio::co_spawn(loop, join_all(tasks, joined), asio::detached);
  loop.poll();
  EXPECT_FALSE(joined);
  EXPECT_EQ(log, std::vector<std::string>{"fails: broken"});
  signal.notify_all();
  run_to_end(loop, "all that goes on");
  EXPECT_TRUE(joined);
}

TEST(TaskGroup, AFailureLeavesTheLoopUnlessTheOwnerIsTold) {
  asio::io_context loop;
  TaskGroup tasks(loop.get_executor());
  tasks.spawn("fails", failing());
  std::string failure;
  try {
    run_to_end(loop, "a task that fails");
  } catch (const TaskFailed& fault) {
    failure = fault.what();
  }
  EXPECT_EQ(failure, "fails: broken");
}

asio::awaitable<void> await_other_thread(std::thread& worker, std::thread::id& resumed_on, int& result) {
  auto start = [&worker](Completion<int> done) {
    worker = std::thread([done = std::move(done)]() mutable { done(nullptr, 42); });
  };
  result = co_await suspend<int>(start);
  resumed_on = std::this_thread::get_id();
}

TEST(Suspend, ResumesOnItsOwnLoopWhenAnotherThreadCompletes) {
  asio::io_context loop;
  std::thread worker;
  std::thread::id resumed_on;
  int result = 0;
  asio::co_spawn(loop, await_other_thread(worker, resumed_on, result), asio::detached);
  run_to_end(loop, "all that goes on");
  worker.join();
  EXPECT_EQ(result, 42);
  EXPECT_EQ(resumed_on, std::this_thread::get_id());
}

asio::awaitable<void> await_failure(std::string& message) {
  auto start = [](Completion<int> done) { done(std::make_exception_ptr(std::runtime_error("no")), 0); };
  try {
    co_await suspend<int>(start);
  } catch (const std::runtime_error& error) {
    message = error.what();
  }
}

TEST(Suspend, ThrowsWhatTheCompletionFailsWith) {
  asio::io_context loop;
  std::string message;
  asio::co_spawn(loop, await_failure(message), asio::detached);
  run_to_end(loop, "all that goes on");
  EXPECT_EQ(message, "no");
}

TEST(CrashPointDeathTest, KillsAtTheNthPassOfTheNamedPoint) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto pass_twice = [] {
    setenv("EVENTBUS_CRASH_POINT", "here:2", 1);
    crash_point("elsewhere");
    crash_point("here");
    crash_point("here");
  };
  EXPECT_EXIT(pass_twice(), testing::KilledBySignal(SIGKILL), "");
}

}  // namespace
}  // namespace eventbus
