#include "eventbus/bus/relay.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <map>
#include <memory>
#include <optional>

#include "eventbus/core/error.hpp"
#include "eventbus/testing/waiting.hpp"

namespace eventbus {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class MemoryOutbox final : public Outbox {
 public:
  asio::awaitable<std::vector<OutboxEntry>> advance(std::vector<OutboxEntry> confirmed, std::size_t limit) override {
    ++looks;
    if (failing) throw Unavailable("reading the outbox", "no connection");
    for (const auto& entry : confirmed) entries.erase(entry.first);
    std::vector<OutboxEntry> first;
    for (const auto& [position, entry] : entries) {
      if (first.size() < limit) first.push_back(entry);
    }
    co_return first;
  }
  asio::awaitable<std::vector<StoredEvent>> read(std::vector<OutboxEntry> wanted) override {
    if (gate) co_await gate->wait();
    std::vector<StoredEvent> events;
    for (const auto& entry : wanted) {
      read_entries.push_back(entry.first);
      for (auto position = entry.first; position <= entry.last; ++position)
        events.push_back({position, {}, std::make_shared<Event>()});
    }
    co_return events;
  }
  asio::awaitable<std::vector<Position>> held(std::vector<Position> positions) override {
    ++checks;
    if (failing) throw Unavailable("reading the outbox", "no connection");
    std::erase_if(positions, [this](Position position) {
      return std::ranges::none_of(entries, [position](const auto& entry) {
        return entry.second.first <= position && position <= entry.second.last;
      });
    });
    co_return positions;
  }
  asio::awaitable<OutboxStats> stats() override { co_return OutboxStats{}; }

  void put(Position first, Position last) { entries[first] = {first, last, {}}; }

  std::map<Position, OutboxEntry> entries;
  std::vector<Position> read_entries;  ///< Their first positions.
  int looks = 0;
  int checks = 0;
  bool failing = false;
  Signal* gate = nullptr;  ///< Reading waits for it.
};

/// A broker whose confirms come when the test says so.
class GatedSink final : public EventSink {
 public:
  explicit GatedSink(asio::any_io_executor executor) : executor_(std::move(executor)) {}

  asio::awaitable<void> publish(std::vector<StoredEvent> events) override {
    for (const auto& event : events) published.push_back(event.position);
    auto& call = calls_.emplace_back(std::make_unique<Call>(executor_));
    auto& mine = *call;
    if (gated) co_await mine.answered.wait();
    if (mine.failing) throw Unavailable("publishing", "connection lost");
  }
  void confirm(std::size_t call) { calls_.at(call)->answered.notify_all(); }
  void fail(std::size_t call) {
    calls_.at(call)->failing = true;
    confirm(call);
  }
  std::size_t calls() const { return calls_.size(); }

  bool accepts() const override { return accepting; }

  bool gated = true;
  bool accepting = true;
  std::vector<Position> published;

 private:
  struct Call {
    explicit Call(const asio::any_io_executor& executor) : answered(executor) {}
    Signal answered;
    bool failing = false;
  };
  asio::any_io_executor executor_;
  std::vector<std::unique_ptr<Call>> calls_;
};

class GivenLeadership final : public Leadership {
 public:
  asio::awaitable<bool> lead() override {
    ++asked;
    co_return given;
  }
  asio::awaitable<void> resign() override {
    resigned = true;
    co_return;
  }
  bool given = true;
  int asked = 0;
  bool resigned = false;
};

class RelayTest : public testing::Test {
 protected:
  void TearDown() override {
    if (!relay_) return;
    relay_->stop();
    until([this] { return tasks_.size() == 0; });
    EXPECT_TRUE(leadership.resigned);
  }
  void start(RelaySettings settings) {
    settings.random = [] { return 0.0; };
    relay_.emplace(loop.get_executor(), outbox, sink, leadership, std::move(settings));
    tasks_.spawn("relay", relay_->run());
    loop.poll();
  }
  template <class Condition>
  void until(Condition condition) {
    run_until(loop, "what the test is about", condition);
  }
  asio::awaitable<void> note_published(std::chrono::steady_clock::time_point deadline, bool& published,
                                       Position position = 2) {
    published = co_await relay_->wait_published(position, deadline);
  }
  void until_removed(std::size_t left) {
    until([&] { return outbox.entries.size() == left; });
  }

  asio::io_context loop;
  MemoryOutbox outbox;
  GatedSink sink{loop.get_executor()};
  GivenLeadership leadership;
  std::optional<Relay> relay_;

 private:
  TaskGroup tasks_{loop.get_executor()};
};

TEST_F(RelayTest, HandsOverInOrderAndForgetsWhatIsConfirmed) {
  sink.gated = false;
  outbox.put(1, 2);
  outbox.put(3, 3);
  start({});
  until_removed(0);
  EXPECT_THAT(sink.published, ElementsAre(1, 2, 3));
  outbox.put(4, 4);
  relay_->committed({});
  until_removed(0);
  EXPECT_THAT(sink.published, ElementsAre(1, 2, 3, 4));
}

TEST_F(RelayTest, KeepsWhatIsNotConfirmed) {
  outbox.put(1, 1);
  start({});
  until([this] { return sink.calls() == 1; });
  EXPECT_EQ(outbox.entries.size(), 1u);
  sink.confirm(0);
  until_removed(0);
  EXPECT_EQ(sink.calls(), 1u);
}

TEST_F(RelayTest, HasSeveralWindowsInFlightAndNoMore) {
  for (Position position = 1; position <= 6; ++position) outbox.put(position, position);
  start({.window = 2, .windows_in_flight = 2});
  until([this] { return sink.calls() == 2; });
  loop.poll();
  EXPECT_EQ(sink.calls(), 2u);
  sink.confirm(0);
  until([this] { return sink.calls() == 3; });
  EXPECT_THAT(sink.published, ElementsAre(1, 2, 3, 4, 5, 6));
  sink.confirm(1);
  sink.confirm(2);
  until_removed(0);
}

TEST_F(RelayTest, TakesAnEntryThatWasCommittedLateBehindThoseInFlight) {
  outbox.put(5, 5);
  start({});
  until([this] { return sink.calls() == 1; });
  outbox.put(3, 3);
  relay_->committed({});
  until([this] { return sink.calls() == 2; });
  EXPECT_THAT(sink.published, ElementsAre(5, 3));
  sink.confirm(0);
  sink.confirm(1);
  until_removed(0);
}

TEST_F(RelayTest, RepeatsAWindowThatFailedOnceTheOthersHaveEnded) {
  for (Position position = 1; position <= 4; ++position) outbox.put(position, position);
  start({.window = 2, .windows_in_flight = 2});
  until([this] { return sink.calls() == 2; });
  sink.fail(0);
  loop.poll();
  EXPECT_EQ(sink.calls(), 2u);
  sink.fail(1);
  until([this] { return sink.calls() == 4; });
  EXPECT_THAT(sink.published, ElementsAre(1, 2, 3, 4, 1, 2, 3, 4));
  sink.confirm(2);
  sink.confirm(3);
  until_removed(0);
}

TEST_F(RelayTest, LetsNothingThatItWasReadingOvertakeAWindowThatFailed) {
  Signal gate(loop.get_executor());
  outbox.put(1, 1);
  start({.window = 1, .windows_in_flight = 2});
  until([this] { return sink.calls() == 1; });
  outbox.gate = &gate;
  outbox.put(2, 2);
  relay_->committed({});
  const auto looks = outbox.looks;
  until([this, looks] { return outbox.looks > looks; });
  loop.poll();
  sink.fail(0);
  loop.poll();
  outbox.gate = nullptr;
  gate.notify_all();
  until([this] { return sink.calls() == 3; });
  EXPECT_THAT(sink.published, ElementsAre(1, 1, 2));
  sink.confirm(1);
  sink.confirm(2);
  until_removed(0);
}

TEST_F(RelayTest, ReadsOnlyWhatOthersStored) {
  sink.gated = false;
  start({});
  until([this] { return outbox.looks > 0; });
  const std::vector<StoredEvent> ours{{7, {}, std::make_shared<Event>()}, {8, {}, std::make_shared<Event>()}};
  outbox.put(5, 5);
  outbox.put(7, 8);
  outbox.put(9, 9);
  relay_->committed(ours);
  until_removed(0);
  EXPECT_THAT(sink.published, ElementsAre(5, 7, 8, 9));
  EXPECT_THAT(outbox.read_entries, ElementsAre(5, 9));
}

TEST(RecentAppends, ForgetTheOldestPastTheirMemory) {
  RecentAppends recent(std::size_t{2} << 10U);
  const auto append = [&recent](Position position) {
    const std::vector<StoredEvent> events{{position, {}, std::make_shared<Event>()}};
    recent.add(events);
  };
  for (Position position = 1; position <= 4; ++position) append(position);
  std::vector<StoredEvent> found;
  EXPECT_FALSE(recent.take({1, 1, {}}, found));
  EXPECT_TRUE(recent.take({4, 4, {}}, found));
  EXPECT_FALSE(recent.take({4, 4, {}}, found));
  EXPECT_FALSE(recent.take({3, 5, {}}, found));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].position, 4);
}

TEST_F(RelayTest, GoesOnWhenTheOutboxIsBack) {
  outbox.failing = true;
  outbox.put(1, 1);
  sink.gated = false;
  start({});
  until([this] { return outbox.looks > 2; });
  EXPECT_THAT(sink.published, IsEmpty());
  outbox.failing = false;
  until_removed(0);
  EXPECT_THAT(sink.published, ElementsAre(1));
}

TEST_F(RelayTest, RestsAfterAFailureWhateverIsStoredMeanwhile) {
  outbox.failing = true;
  start({.busy_poll = std::chrono::hours{1}});
  until([this] { return outbox.looks == 1; });
  for (int times = 0; times < 3; ++times) {
    relay_->committed({});
    loop.restart();
    loop.poll();
  }
  EXPECT_EQ(outbox.looks, 1);
}

TEST_F(RelayTest, WaitsUntilItLeads) {
  leadership.given = false;
  sink.gated = false;
  outbox.put(1, 1);
  start({.standby = std::chrono::milliseconds{1}});
  EXPECT_EQ(outbox.looks, 0);
  EXPECT_FALSE(relay_->leading());
  leadership.given = true;
  until_removed(0);
  EXPECT_TRUE(relay_->leading());
}

TEST_F(RelayTest, WhatIsStoredHereDoesNotMakeItAskWhetherItLeads) {
  leadership.given = false;
  start({.standby = std::chrono::hours{1}});
  for (int times = 0; times < 2; ++times) {
    relay_->committed({});
    loop.restart();
    loop.poll();
  }
  EXPECT_EQ(leadership.asked, 1);
}

TEST_F(RelayTest, TellsWhenAnEventIsPublished) {
  outbox.put(1, 3);
  start({});
  until([this] { return sink.calls() == 1; });
  bool early = true;
  bool late = false;
  TaskGroup waiting(loop.get_executor());
  waiting.spawn("early", note_published(std::chrono::steady_clock::now(), early));
  waiting.spawn("late", note_published(std::chrono::steady_clock::now() + std::chrono::hours{1}, late));
  until([&] { return waiting.size() == 1; });
  EXPECT_FALSE(early);
  sink.confirm(0);
  until([&] { return waiting.size() == 0; });
  EXPECT_TRUE(late);
}

TEST_F(RelayTest, LooksOnceForAllThatWaitForAnotherInstancesConfirm) {
  constexpr int waiters = 200;
  leadership.given = false;
  outbox.put(1, waiters);
  start({.busy_poll = std::chrono::milliseconds{1}, .standby = std::chrono::hours{1}});
  std::array<bool, waiters> published{};
  TaskGroup waiting(loop.get_executor());
  const auto late = std::chrono::steady_clock::now() + std::chrono::hours{1};
  for (int n = 0; n < waiters; ++n)
    waiting.spawn("publisher", note_published(late, published.at(static_cast<std::size_t>(n)), n + 1));
  until([this] { return outbox.checks == 5; });
  EXPECT_EQ(waiting.size(), std::size_t{waiters});
  outbox.entries.clear();
  outbox.put(waiters, waiters);
  until([&] { return waiting.size() == 1; });
  EXPECT_FALSE(published.back());
  outbox.entries.clear();
  until([&] { return waiting.size() == 0; });
  EXPECT_THAT(published, testing::Each(true));
  EXPECT_LT(outbox.checks, waiters);
}

TEST_F(RelayTest, AStoreThatCannotTellIsAskedAgainWhilePublishersWait) {
  leadership.given = false;
  outbox.put(1, 2);
  outbox.failing = true;
  start({.busy_poll = std::chrono::milliseconds{1}, .standby = std::chrono::hours{1}});
  bool early = true;
  bool late = false;
  TaskGroup waiting(loop.get_executor());
  waiting.spawn("early", note_published(std::chrono::steady_clock::now() + std::chrono::milliseconds{20}, early));
  waiting.spawn("late", note_published(std::chrono::steady_clock::now() + std::chrono::hours{1}, late));
  until([&] { return waiting.size() == 1 && outbox.checks > 2; });
  EXPECT_FALSE(early) << "at its deadline, with the event stored";
  outbox.failing = false;
  outbox.entries.clear();
  until([&] { return waiting.size() == 0; });
  EXPECT_TRUE(late);
}

TEST_F(RelayTest, LetsAnotherLeadWhileItsBrokerAcceptsNothing) {
  sink.gated = false;
  sink.accepting = false;
  outbox.put(1, 2);
  start({.standby = std::chrono::milliseconds{1}});
  until([this] { return leadership.resigned; });
  EXPECT_EQ(outbox.looks, 0);
  relay_->committed({});
  sink.accepting = true;
  until_removed(0);
  EXPECT_THAT(sink.published, ElementsAre(1, 2));
}

TEST_F(RelayTest, FinishesWhatIsInFlightBeforeItResigns) {
  outbox.put(1, 1);
  start({});
  until([this] { return sink.calls() == 1; });
  relay_->stop();
  loop.poll();
  EXPECT_FALSE(leadership.resigned);
  sink.confirm(0);
  until_removed(0);
}

}  // namespace
}  // namespace eventbus
