#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <deque>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "eventbus/delivery/served_queue.hpp"
#include "eventbus/runtime/signal.hpp"
#include "eventbus/telemetry/metrics.hpp"
#include "eventbus/testing/waiting.hpp"

namespace eventbus::delivery {

inline constexpr std::int64_t queue_id = 77;

/// For tests: events that come one after the other and are all at hand.
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
  void come(Routed event) { events_.push_back(event); }

 private:
  std::deque<Routed> events_;
};

/// For tests: a lane whose disk is as slow and as full as the test says.
class LaneInMemory final : public Lane {
 public:
  LaneInMemory(const asio::any_io_executor& executor, EventsAtHand& events) : fresh(events), opened(executor) {}

  bool fill() override {
    if (stored.empty()) return false;
    for (const auto& event : stored.front()) fresh.come(event);
    stored.pop_front();
    return true;
  }
  bool lags() const override { return false; }
  void asked() override { ++asks; }
  asio::awaitable<void> reach(Position, std::chrono::steady_clock::time_point) override { co_return; }
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
  void wake_at(Timestamp due) override { wakes.push_back(due); }
  std::optional<Timestamp> oldest_since() const override { return std::nullopt; }

  /// What it was last told; the epoch when nothing.
  Timestamp last_wake() const { return wakes.empty() ? Timestamp{} : wakes.back(); }

  EventsAtHand& fresh;
  std::deque<std::vector<Routed>> stored;  ///< What each call of `fill` brings.
  int asks = 0;
  std::vector<Timestamp> wakes;
  std::set<Position> gone;
  std::optional<std::size_t> unreadable;  ///< From this read on.
  std::vector<std::size_t> parts;         ///< How many were read at a time.
  bool shut = false;
  bool full = false;
  Signal opened;
  int begun = 0;
  std::vector<std::size_t> commits;
};

/// One queue on such a lane, and consumers of it.
class ServedQueueTest : public testing::Test {
 protected:
  using SteadyClock = std::chrono::steady_clock;
  using Received = Result<std::vector<Delivery>>;

  /// What still waits goes before what it waits for.
  void TearDown() override { owned_loop.reset(); }

  void come(int count) {
    for (; count > 0; --count) fresh.come({.position = ++last, .entered_at = now});
    queue->serve();
  }
  /// They are at hand once the lane fills, all at a time.
  void store(int count, std::uint64_t key = 0) {
    auto& events = lane->stored.emplace_back();
    for (; count > 0; --count) events.push_back({.position = ++last, .entered_at = now, .key = key});
  }
  std::future<Received> receive(std::size_t max, SteadyClock::duration wait = std::chrono::hours{1}) {
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
  Timestamp now{std::chrono::hours{1}};
  const BrokerClock clock = [this] { return now; };
  EventsAtHand fresh;
  Position last = 0;
  std::shared_ptr<LaneInMemory> lane = std::make_shared<LaneInMemory>(loop.get_executor(), fresh);
  std::unique_ptr<ServedQueue> make(QueueDefinition of) {
    return std::make_unique<ServedQueue>(Surroundings{loop.get_executor(), tasks, metrics, clock}, *lane, fresh,
                                         queue_id, std::move(of), 100);
  }
  std::unique_ptr<ServedQueue> queue = make(definition());
};

}  // namespace eventbus::delivery
