#include "eventbus/runtime/dependency_guard.hpp"
#include "eventbus/testing/waiting.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

namespace eventbus {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using State = CircuitBreaker::State;

class Answered : public Unavailable {
 public:
  using Unavailable::Unavailable;
};

asio::awaitable<int> answer(int number) {
  co_return number;
}

asio::awaitable<int> break_down() {
  throw Unavailable("asking", "no answer");
  co_return 0;
}

asio::awaitable<int> refuse() {
  throw Answered("asking", "you may not");
  co_return 0;
}

class DependencyGuardTest : public testing::Test {
 protected:
  void fail(int times) {
    for (int count = 0; count < times; ++count) guard.failed("no answer");
  }
  template <class T>
  T run(asio::awaitable<T> work) {
    asio::io_context loop;
    std::exception_ptr failure;
    T value{};
    asio::co_spawn(loop, guarded<Answered>(guard, std::move(work)), [&](std::exception_ptr error, T result) {
      failure = std::move(error);
      value = std::move(result);
    });
    run_to_end(loop, "all that goes on");
    if (failure) std::rethrow_exception(failure);
    return value;
  }
  State state() const { return guard.breaker().state(); }

  CircuitBreaker::Time now_{seconds{1000}};
  DependencyGuard guard{"postgres", DependencyGuard::default_settings(), [this] { return now_; }};
};

TEST_F(DependencyGuardTest, LetsCallsThroughAndOpensAfterFiveFailures) {
  EXPECT_EQ(run(answer(7)), 7);
  for (int count = 0; count < 5; ++count) EXPECT_THROW(run(break_down()), Unavailable);
  EXPECT_EQ(state(), State::open);
  EXPECT_THROW(run(answer(7)), BreakerOpen);
  EXPECT_THROW(guard.check(), BreakerOpen);
}

TEST_F(DependencyGuardTest, SaysWhyItRefusesAndWhenToTryAgain) {
  fail(5);
  const auto refusal = guard.refusal();
  EXPECT_GE(refusal.retry_after(), seconds{1});
  EXPECT_NE(std::string(refusal.what()).find("postgres: "), std::string::npos);
  EXPECT_NE(std::string(refusal.what()).find("no answer"), std::string::npos);
}

TEST_F(DependencyGuardTest, ItsTextStaysTheSame) {
  fail(5);
  const std::string first = guard.refusal().what();
  now_ += milliseconds{400};
  EXPECT_EQ(guard.refusal().what(), first);
}

TEST_F(DependencyGuardTest, AnAnswerThatRefusesIsNoFailure) {
  fail(4);
  EXPECT_THROW(run(refuse()), Answered);
  EXPECT_EQ(guard.breaker().failures(), 0u);
}

TEST_F(DependencyGuardTest, ASuccessfulProbeClosesIt) {
  fail(5);
  now_ = *guard.breaker().next_probe();
  EXPECT_NO_THROW(guard.check());
  EXPECT_EQ(run(answer(7)), 7);
  EXPECT_EQ(state(), State::closed);
}

TEST_F(DependencyGuardTest, OneProbeAtATime) {
  fail(5);
  now_ = *guard.breaker().next_probe();
  {
    const DependencyGuard::Call probe(guard);
    EXPECT_EQ(state(), State::half_open);
    EXPECT_THROW(DependencyGuard::Call second(guard), BreakerOpen);
    EXPECT_THROW(guard.check(), BreakerOpen);
  }
  EXPECT_NO_THROW(DependencyGuard::Call third(guard));
}

TEST_F(DependencyGuardTest, AFailureThatNobodyCalledForIsTheProbeWhenOneIsDue) {
  fail(5);
  const auto first = guard.breaker().next_probe();
  guard.failed_by_itself("refused");
  EXPECT_EQ(guard.breaker().next_probe(), first);
  now_ = *first;
  guard.failed_by_itself("refused");
  EXPECT_EQ(state(), State::open);
  EXPECT_GT(guard.breaker().next_probe(), first);
}

TEST_F(DependencyGuardTest, NeverWaitsLongerThanItsLongestCoolDown) {
  fail(5);
  for (int probe = 0; probe < 20; ++probe) {
    const auto next = *guard.breaker().next_probe();
    EXPECT_LE(next, now_ + seconds{4});
    now_ = next;
    EXPECT_THROW(run(break_down()), Unavailable);
  }
}

TEST_F(DependencyGuardTest, HeldOpenItSaysWhoLetsGo) {
  guard.open();
  now_ += seconds{3600};
  EXPECT_THROW(guard.check(), BreakerOpen);
  EXPECT_FALSE(guard.next_probe_at());
  EXPECT_NE(std::string(guard.refusal().what()).find("POST /breakers/postgres/close"), std::string::npos);
  guard.succeeded();
  EXPECT_THROW(run(answer(7)), BreakerOpen);
  guard.close();
  EXPECT_EQ(run(answer(7)), 7);
}

TEST_F(DependencyGuardTest, TellsTheNextProbeOnTheWallClock) {
  EXPECT_FALSE(guard.next_probe_at());
  fail(5);
  const auto expected = now() + (*guard.breaker().next_probe() - now_);
  EXPECT_LT(std::chrono::abs(*guard.next_probe_at() - expected), seconds{10});
}

}  // namespace
}  // namespace eventbus
