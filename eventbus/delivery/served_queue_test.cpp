#include "eventbus/delivery/served_queue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <deque>
#include <limits>
#include <memory>
#include <optional>
#include <set>

#include "eventbus/telemetry/metrics.hpp"
#include "eventbus/testing/waiting.hpp"

namespace eventbus::delivery {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using SteadyClock = std::chrono::steady_clock;

constexpr std::int64_t queue_id = 77;

/// Events that come one after the other and are all at hand.
class EventsAtHand final : public FreshEvents {
 public:
  const Routed* front() const override { return events_.empty() ? nullptr : &events_.front(); }
  Position reached() const override { return std::numeric_limits<Position>::max(); }
  Routed pop() override {
    const auto event = events_.front();
    events_.pop_front();
    return event;
  }
  std::optional<Routed> pick(Position) override { return std::nullopt; }
  std::size_t at_hand() const override { return events_.size(); }
  std::uint64_t waiting() const override { return events_.size(); }
  void come(Position position, Timestamp now) { events_.push_back({.position = position, .entered_at = now}); }

 private:
  std::deque<Routed> events_;
};

/// A lane whose disk is as slow and as full as the test says.
class LaneInMemory final : public Lane {
 public:
  explicit LaneInMemory(const asio::any_io_executor& executor) : opened(executor) {}

  bool fill() override { return false; }
  bool lags() const override { return false; }
  void asked() override {}
  asio::awaitable<void> reach(Position, SteadyClock::time_point) override { co_return; }
  bool gave(const LogPlace& place) const override { return place.life == 0; }
  asio::awaitable<std::vector<StoredEvent>> events_of(std::span<const Leased> leased) override {
    parts.push_back(leased.size());
    if (unreadable && parts.size() >= *unreadable) throw Unavailable("reading", "the disk is gone");
    std::vector<StoredEvent> events;
    for (const auto& one : leased) {
      auto event = std::make_shared<Event>();
      event->event_id = std::to_string(one.event.position);
      const bool there = !gone.contains(one.event.position);
      events.push_back({.position = one.event.position, .event = there ? std::move(event) : nullptr});
    }
    co_return events;
  }
  asio::awaitable<void> commit(Settlement& settlement) override {
    ++begun;
    while (shut) co_await opened.wait();
    if (full) throw Unavailable("writing", "the disk is full");
    commits.push_back(settlement.settlings.size());
  }
  void wake_at(Timestamp) override {}
  std::optional<Timestamp> oldest_since() const override { return std::nullopt; }

  std::set<Position> gone;
  std::optional<std::size_t> unreadable;  ///< From this read on.
  std::vector<std::size_t> parts;         ///< How many were read at a time.
  bool shut = false;
  bool full = false;
  Signal opened;
  int begun = 0;
  std::vector<std::size_t> commits;
};

class ServedQueueTest : public testing::Test {
 protected:
  using Received = Result<std::vector<Delivery>>;

  /// What still waits goes before what it waits for.
  void TearDown() override { owned_loop.reset(); }

  void come(int count) {
    for (; count > 0; --count) fresh.come(++last, now);
    queue->serve();
  }
  std::future<Received> receive(std::size_t max, SteadyClock::duration wait = hours{1}) {
    return asio::co_spawn(loop, queue->receive({max}, SteadyClock::now() + wait), asio::use_future);
  }
  std::vector<Delivery> received(std::future<Received> future) {
    return result_of(loop, std::move(future), "deliveries").value();
  }
  std::vector<Delivery> take_for(Credit credit) {
    return received(asio::co_spawn(loop, queue->receive(credit, SteadyClock::now()), asio::use_future));
  }
  std::vector<Delivery> take(std::size_t max) { return take_for({max}); }
  std::future<Result<Settled>> ack(const std::vector<Delivery>& deliveries) {
    return asio::co_spawn(loop, queue->ack(ids(deliveries)), asio::use_future);
  }
  static std::vector<std::string> ids(const std::vector<Delivery>& deliveries) {
    std::vector<std::string> texts;
    texts.reserve(deliveries.size());
    for (const auto& delivery : deliveries) texts.push_back(delivery.delivery_id);
    return texts;
  }
  static std::vector<Position> positions(const std::vector<Delivery>& deliveries) {
    std::vector<Position> found;
    found.reserve(deliveries.size());
    for (const auto& delivery : deliveries) found.push_back(delivery.event.position);
    return found;
  }
  /// Until nothing can be done any more.
  void poll() {
    loop.restart();
    loop.poll();
  }
  static QueueDefinition definition() {
    QueueDefinition definition;
    definition.name = "q";
    definition.retry.delay = {};
    return definition;
  }

  std::unique_ptr<asio::io_context> owned_loop = std::make_unique<asio::io_context>();
  asio::io_context& loop = *owned_loop;
  MetricRegistry registry;
  BrokerMetrics metrics{registry};
  TaskGroup tasks{loop.get_executor()};
  Timestamp now{hours{1}};
  const BrokerClock clock = [this] { return now; };
  EventsAtHand fresh;
  Position last = 0;
  std::shared_ptr<LaneInMemory> lane = std::make_shared<LaneInMemory>(loop.get_executor());
  std::unique_ptr<ServedQueue> queue = std::make_unique<ServedQueue>(
      Surroundings{loop.get_executor(), tasks, metrics, clock}, *lane, fresh, queue_id, definition(), 100);
};

TEST_F(ServedQueueTest, SharesWhatComesAmongThoseWhoWait) {
  std::vector<std::future<Received>> waiting;
  waiting.reserve(3);
  for (int number = 0; number < 3; ++number) waiting.push_back(receive(10));
  poll();
  EXPECT_EQ(queue->info().consumers, 3u);
  come(7);
  EXPECT_THAT(positions(received(std::move(waiting[0]))), ElementsAre(1, 2, 3));
  EXPECT_THAT(positions(received(std::move(waiting[1]))), ElementsAre(4, 5));
  EXPECT_THAT(positions(received(std::move(waiting[2]))), ElementsAre(6, 7));
}

TEST_F(ServedQueueTest, WritesTogetherWhatIsAnsweredDuringAWrite) {
  come(5);
  const auto deliveries = take(5);
  lane->shut = true;
  auto first = ack({deliveries[0]});
  poll();
  EXPECT_EQ(lane->begun, 1);
  auto second = ack({deliveries[1], deliveries[2]});
  auto third = ack({deliveries[3], deliveries[4]});
  poll();
  EXPECT_FALSE(is_ready(first));
  lane->shut = false;
  lane->opened.notify_all();
  EXPECT_EQ(result_of(loop, std::move(third), "an answer").value().settled, 2u);
  EXPECT_TRUE(is_ready(first) && is_ready(second));
  EXPECT_THAT(lane->commits, ElementsAre(1, 4));
  EXPECT_EQ(queue->info().in_flight, 0u);
}

TEST_F(ServedQueueTest, WhatCouldNotBeWrittenIsStillInFlightAndMayBeAnsweredAgain) {
  come(2);
  const auto deliveries = take(2);
  lane->full = true;
  EXPECT_THROW(result_of(loop, ack(deliveries), "an answer").value(), Unavailable);
  EXPECT_EQ(queue->info().in_flight, 2u);
  lane->full = false;
  EXPECT_EQ(result_of(loop, ack(deliveries), "an answer").value().settled, 2u);
  EXPECT_EQ(result_of(loop, ack(deliveries), "an answer").value().unknown, ids(deliveries));
}

TEST_F(ServedQueueTest, KnowsOnlyItsOwnDeliveries) {
  come(1);
  const auto delivery = take(1).at(0);
  const std::vector<std::string> strange{encode({queue_id + 1, 1, 1, 0}), encode({queue_id, 1, 2, 0}),
                                         encode({queue_id, 1, 1, 5}), encode({queue_id, 2, 1, 0}), "nonsense"};
  auto answer = asio::co_spawn(loop, queue->ack(strange), asio::use_future);
  EXPECT_EQ(result_of(loop, std::move(answer), "an answer").value().unknown, strange);
  EXPECT_EQ(queue->extend({delivery.delivery_id}, seconds{60}).settled, 1u);
}

TEST_F(ServedQueueTest, GoesOnWithoutWhatIsNoLongerStored) {
  come(3);
  lane->gone = {2};
  EXPECT_THAT(positions(take(3)), ElementsAre(1, 3));
  queue->advance();
  poll();
  EXPECT_EQ(queue->info().in_flight, 2u);
  EXPECT_THAT(take(3), IsEmpty());
}

TEST_F(ServedQueueTest, GivesBackAtOnceWithoutCountingAnAttempt) {
  come(2);
  const auto deliveries = take(2);
  auto waiting = receive(5);
  poll();
  queue->give_back(ids(deliveries));
  const auto again = received(std::move(waiting));
  EXPECT_THAT(positions(again), ElementsAre(1, 2));
  EXPECT_EQ(again[0].attempt, 1u);
  EXPECT_EQ(again[0].delivery_id, deliveries[0].delivery_id);
}

TEST_F(ServedQueueTest, LeasesInPartsOnceTheBytesDidNotReach) {
  come(40);
  EXPECT_THAT(positions(take_for({.events = 40, .bytes = 3000})), ElementsAre(1, 2, 3));
  EXPECT_THAT(take_for({.events = 30, .bytes = 1U << 20U}), SizeIs(30)) << "as much as the credit pays for";
  EXPECT_THAT(lane->parts, ElementsAre(40, 3, 6, 12, 9));
  EXPECT_EQ(queue->info().in_flight, 33u);
}

TEST_F(ServedQueueTest, LeasesAtFirstAsManyAsTheLastCreditPaidFor) {
  come(40);
  EXPECT_THAT(take_for({.events = 40, .bytes = 3000}), SizeIs(3));
  const Credit credit{.events = 40, .bytes = 7000};
  const auto paid_for = take_for(credit).size();
  EXPECT_THAT(lane->parts, ElementsAre(40, 3, 6)) << "the second part was cut";
  lane->parts.clear();
  EXPECT_THAT(take_for(credit), SizeIs(paid_for));
  EXPECT_EQ(lane->parts.front(), paid_for);
  lane->parts.clear();
  EXPECT_THAT(take_for(credit), SizeIs(paid_for));
  EXPECT_EQ(lane->parts.front(), paid_for) << "also when nothing of the last part was paid for";
}

TEST_F(ServedQueueTest, WhoBeganToWaitBeforeGetsAsMuchAsTheCreditPaysFor) {
  come(5);
  EXPECT_THAT(take_for({.events = 5, .bytes = 1}), SizeIs(1));
  take(4);
  auto waiting = receive(20);
  poll();
  come(15);
  EXPECT_THAT(received(std::move(waiting)), SizeIs(15));
}

TEST_F(ServedQueueTest, WhatCouldNotBeReadIsReadyAgain) {
  come(5);
  lane->unreadable = 1;
  EXPECT_THROW(take(5), Unavailable);
  EXPECT_EQ(queue->info().in_flight, 0u);
  lane->unreadable.reset();
  EXPECT_THAT(take_for({.events = 5, .bytes = 1}), SizeIs(1));
  lane->unreadable = lane->parts.size() + 2;
  EXPECT_THAT(take(4), SizeIs(1)) << "the first part, which was read";
  EXPECT_EQ(queue->info().in_flight, 2u);
  EXPECT_EQ(queue->info().ready, 3u);
}

TEST_F(ServedQueueTest, WhatIsBeingWrittenWhenTheQueueGoesIsAnswered) {
  come(2);
  const auto deliveries = take(2);
  lane->shut = true;
  auto first = ack({deliveries[0]});
  auto second = ack({deliveries[1]});
  poll();
  queue->close();
  lane->shut = false;
  lane->opened.notify_all();
  EXPECT_EQ(result_of(loop, std::move(first), "an answer").value().settled, 1u);
  EXPECT_EQ(result_of(loop, std::move(second), "an answer").value().settled, 1u);
}

TEST_F(ServedQueueTest, RestsFromAWriteThatFailedInTheBackground) {
  come(1);
  take(1);
  lane->full = true;
  now += definition().lease;
  queue->tick();
  poll();
  EXPECT_EQ(lane->begun, 1);
  queue->tick();
  poll();
  EXPECT_EQ(lane->begun, 1) << "it rests";
  lane->full = false;
  now += rest_after_failure;
  queue->tick();
  poll();
  EXPECT_EQ(take(1).at(0).attempt, 2u);
}

TEST_F(ServedQueueTest, FailsALeaseThatEnds) {
  come(1);
  EXPECT_THAT(take(1), SizeIs(1));
  now += definition().lease;
  queue->tick();
  poll();
  EXPECT_EQ(take(1).at(0).attempt, 2u);
}

TEST_F(ServedQueueTest, DeliversNothingWhilePaused) {
  queue->set_paused(true);
  come(1);
  EXPECT_THAT(take(1), IsEmpty());
  auto waiting = receive(1);
  poll();
  queue->set_paused(false);
  queue->advance();
  EXPECT_THAT(received(std::move(waiting)), SizeIs(1));
}

TEST_F(ServedQueueTest, WhoWaitsLearnsThatTheQueueIsGone) {
  auto waiting = receive(1);
  poll();
  queue->close();
  EXPECT_EQ(result_of(loop, std::move(waiting), "an answer").error().code, ErrorCode::unknown_queue);
}

}  // namespace
}  // namespace eventbus::delivery
