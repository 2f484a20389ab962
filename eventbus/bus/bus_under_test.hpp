#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "eventbus/broker/broker.hpp"
#include "eventbus/bus/event_feed.hpp"
#include "eventbus/bus/publisher.hpp"
#include "eventbus/core/topic.hpp"
#include "eventbus/runtime/signal.hpp"
#include "eventbus/runtime/task_group.hpp"
#include "eventbus/store/event_store.hpp"

namespace eventbus {

/// A store whose commits finish when the test says so.
class GatedStore final : public EventStore {
 public:
  explicit GatedStore(asio::any_io_executor executor) : gate_(std::move(executor)) {}

  asio::awaitable<std::vector<std::vector<Appended>>> append(std::vector<AppendRequest> requests) override {
    ++groups;
    co_await gate_.wait();
    if (failing) throw Unavailable("commit", "disk full");
    std::vector<std::vector<Appended>> results;
    for (auto& request : requests) {
      auto& result = results.emplace_back();
      for (auto& draft : request.drafts) result.push_back(append_draft(draft));
    }
    co_return results;
  }
  asio::awaitable<std::optional<StoredEvent>> get(std::string event_id) override {
    ++looks;
    if (looks_wait) co_await gate_.wait();
    if (failing) throw Unavailable("get", "disk full");
    for (const auto& stored : log) {
      if (stored.event->event_id == event_id) co_return stored;
    }
    co_return std::nullopt;
  }
  asio::awaitable<EventPage> query(EventQuery) override { co_return EventPage{}; }
  asio::awaitable<LogPage> read_log(Position after, std::size_t limit, std::string pattern) override {
    ++log_reads;
    LogPage page{{}, after};
    for (const auto& stored : log) {
      if (stored.position <= after || page.events.size() == limit) continue;
      page.scanned = stored.position;
      if (pattern.empty() || topic_matches(pattern, stored.event->event_type)) page.events.push_back(stored);
    }
    co_return page;
  }
  asio::awaitable<std::vector<RouteRecord>> read_routes(Position, std::size_t) override {
    co_return std::vector<RouteRecord>{};
  }
  asio::awaitable<Found> read_at(std::vector<Position>) override { co_return std::vector<StoredEvent>{}; }
  Position head() const override { return static_cast<Position>(log.size()); }
  asio::awaitable<Position> look() override { co_return head(); }
  const LogLives& lives() const override { return lives_; }
  asio::awaitable<bool> gave(LogPlace) override { co_return true; }
  asio::awaitable<std::optional<Position>> first_at_or_after(Timestamp) override { co_return std::nullopt; }

  Appended append_draft(const EventDraft& draft) {
    const auto known = std::ranges::find_if(
        log, [&draft](const StoredEvent& stored) { return stored.event->event_id == draft.event->event_id; });
    if (known == log.end()) return {AppendStatus::stored, put(draft.event)};
    return {repeats(*known->event, draft) ? AppendStatus::duplicate : AppendStatus::conflict, *known};
  }
  StoredEvent put(EventPtr event) {
    log.push_back({static_cast<Position>(log.size()) + 1, Timestamp{}, std::move(event)});
    return log.back();
  }
  void finish_commit() { gate_.notify_all(); }

  int groups = 0;
  int log_reads = 0;
  int looks = 0;
  bool failing = false;
  bool looks_wait = false;  ///< `get` too finishes when the test says so.
  std::vector<StoredEvent> log;
  LogLives lives_;

 private:
  Signal gate_;
};

/// A place, given back when it is destroyed.
class CountedPlace final : public Admission {
 public:
  explicit CountedPlace(std::size_t& room) : room_(room) { --room_; }
  ~CountedPlace() override { ++room_; }

 private:
  std::size_t& room_;
};

/// Records what it takes; refuses one routing key as full and has few places for another.
class RecordingBroker final : public Broker {
 public:
  asio::awaitable<void> start() override { co_return; }
  asio::awaitable<void> run() override { co_return; }
  void stop() override {}
  Result<std::unique_ptr<Admission>> admit(std::string_view, std::string_view routing_key, std::uint64_t) override {
    const bool limited = routing_key == "narrow";
    if (routing_key == full || (limited && narrow_room == 0)) return fail(ErrorCode::queue_full, "full");
    if (limited) return std::make_unique<CountedPlace>(narrow_room);
    return nullptr;
  }
  void take(std::span<const StoredEvent> events) override { taken.insert(taken.end(), events.begin(), events.end()); }
  asio::awaitable<Result<DeclareOutcome>> declare(QueueDefinition) override { co_return DeclareOutcome::created; }
  asio::awaitable<Result<void>> remove(std::string) override { co_return Result<void>{}; }
  asio::awaitable<Result<std::uint64_t>> purge(std::string) override { co_return 0; }
  asio::awaitable<Result<void>> set_paused(std::string, bool) override { co_return Result<void>{}; }
  asio::awaitable<std::vector<QueueInfo>> list() override { co_return last_known(); }
  asio::awaitable<Result<QueueInfo>> info(std::string) override { co_return QueueInfo{}; }
  std::vector<QueueInfo> last_known() override { return {}; }
  asio::awaitable<Result<std::vector<Delivery>>> receive(std::string, Credit, Signal::Deadline) override {
    co_return std::vector<Delivery>{};
  }
  asio::awaitable<Result<Settled>> ack(std::string, std::vector<std::string>) override { co_return Settled{}; }
  asio::awaitable<Result<Settled>> nack(std::string, std::vector<std::string>, NackOptions) override {
    co_return Settled{};
  }
  asio::awaitable<Result<Settled>> extend(std::string, std::vector<std::string>, std::chrono::milliseconds) override {
    co_return Settled{};
  }
  void give_back(std::string_view, std::span<const std::string>) override {}
  asio::awaitable<Result<DeadLetterPage>> dead_letters(std::string, DeadLetterCursor, std::size_t) override {
    co_return DeadLetterPage{};
  }
  asio::awaitable<Result<RedriveOutcome>> redrive(std::string, DeadLetterSelection, std::uint32_t, bool) override {
    co_return RedriveOutcome{};
  }
  asio::awaitable<Result<std::uint64_t>> delete_dead_letters(std::string, DeadLetterSelection, std::uint32_t,
                                                             bool) override {
    co_return 0;
  }

  std::vector<StoredEvent> taken;
  std::string full = "full";    ///< Routing key that has no place.
  std::size_t narrow_room = 0;  ///< Places of the routing key "narrow".
};

inline EventDraft draft_of(std::string type) {
  auto event = std::make_shared<Event>();
  event->event_id = "id-" + type;
  event->event_type = type;
  event->routing_key = std::move(type);
  return {std::move(event), {}};
}

inline asio::awaitable<void> note_failure(asio::awaitable<void> work, std::string& failure) {
  try {
    co_await std::move(work);
  } catch (const std::exception& error) {
    failure = error.what();
  }
}

/// A publisher between both, that holds five events, three a group.
class BusTest : public testing::Test {
 protected:
  BusTest() { tasks.spawn("publisher", publisher.run()); }

  void publish(const std::string& type) { tasks.spawn(type, record(draft_of(type))); }
  asio::awaitable<void> record(EventDraft draft) { return record_of(publisher, std::move(draft)); }
  asio::awaitable<void> record_of(Publisher& through, EventDraft draft) {
    try {
      auto result = co_await through.publish(std::move(draft));
      outcomes.push_back(result ? "stored" : std::string(describe(result.error().code).name));
    } catch (const Unavailable& error) {
      outcomes.emplace_back(error.what());
    }
  }
  void poll() {
    loop.restart();
    loop.poll();
  }
  void commit() {
    store.finish_commit();
    poll();
  }

  asio::io_context loop;
  GatedStore store{loop.get_executor()};
  RecordingBroker broker;
  EventFeed feed{loop.get_executor(), store, 4096};
  MetricRegistry metrics;
  const Publisher::Committed hand_over = [this](std::span<const StoredEvent> events) {
    broker.take(events);
    feed.take(events);
  };
  Publisher publisher{loop.get_executor(), store,   broker,
                      hand_over,           metrics, {.group_limit = 3, .groups_in_flight = 1, .max_in_flight = 5}};
  TaskGroup tasks{loop.get_executor()};
  std::vector<std::string> outcomes;
};

}  // namespace eventbus
