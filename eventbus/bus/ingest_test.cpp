#include "eventbus/bus/ingest.hpp"

#include <gmock/gmock.h>

#include <boost/asio/io_context.hpp>
#include <deque>
#include <optional>

#include "eventbus/bus/bus_under_test.hpp"
#include "eventbus/runtime/task_group.hpp"
#include "eventbus/store/conformance/memory_event_store.hpp"
#include "eventbus/testing/waiting.hpp"

namespace eventbus {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// A source that the test fills.
class GivenSource final : public EventSource {
 public:
  explicit GivenSource(asio::any_io_executor executor) : filled_(std::move(executor)) {}

  const std::string& name() const override { return name_; }
  asio::awaitable<std::vector<OfferedEvent>> receive(std::size_t max, Signal::Deadline deadline) override {
    if (offers_.empty() && !stopped_) co_await filled_.wait_until(deadline);
    std::vector<OfferedEvent> some;
    for (; !offers_.empty() && some.size() < max; offers_.pop_front()) some.push_back(std::move(offers_.front()));
    co_return some;
  }
  asio::awaitable<void> accept(std::vector<std::uint64_t> numbers) override {
    if (failing) throw Unavailable("acknowledging", "connection lost");
    accepted.insert(accepted.end(), numbers.begin(), numbers.end());
    co_return;
  }
  asio::awaitable<void> refuse(std::vector<RefusedOffer> offers) override {
    if (failing) throw Unavailable("publishing", "connection lost");
    for (auto& offer : offers) refused.push_back(std::to_string(offer.number) + " " + offer.reason);
    co_return;
  }
  void stop() override {
    stopped_ = true;
    filled_.notify_all();
  }
  void close() override { closed = true; }
  void offer(Result<EventDraft> draft) {
    offers_.push_back({++last_, std::move(draft)});
    filled_.notify_all();
  }

  std::vector<std::uint64_t> accepted;
  std::vector<std::string> refused;
  bool failing = false;
  bool closed = false;

 private:
  std::string name_ = "inbox";
  std::deque<OfferedEvent> offers_;
  Signal filled_;
  std::uint64_t last_ = 0;
  bool stopped_ = false;
};

template <class Store>
class IngestOn : public testing::Test {
 protected:
  void SetUp() override {
    tasks.spawn("publisher", publisher.run());
    tasks.spawn("ingest", ingest.run());
  }
  void TearDown() override {
    ingest.stop();
    publisher.stop();
    until([this] { return tasks.size() == 0; });
    EXPECT_TRUE(source.closed);
  }
  template <class Condition>
  void until(Condition condition) {
    run_until(loop, "what the test is about", condition);
  }
  std::string metric(const std::string& outcome) {
    const auto text = metrics.serialize();
    const auto line = "eventbus_events_ingested_total{outcome=\"" + outcome + "\",queue=\"inbox\"} ";
    const auto begin = text.find(line);
    return begin == std::string::npos ? "" : text.substr(begin + line.size(), 1);
  }

  asio::io_context loop;
  Store store = make_store();
  RecordingBroker broker;
  MetricRegistry metrics;
  Publisher publisher{loop.get_executor(),
                      store,
                      broker,
                      [this](std::span<const StoredEvent> events) { broker.take(events); },
                      metrics,
                      {}};
  GivenSource source{loop.get_executor()};
  Ingest ingest{loop.get_executor(),
                source,
                publisher,
                metrics,
                {.retry = {.delay = std::chrono::milliseconds{1}, .max_delay = std::chrono::milliseconds{2}}}};
  TaskGroup tasks{loop.get_executor()};

 private:
  Store make_store() {
    if constexpr (std::is_default_constructible_v<Store>) {
      return Store{};
    } else {
      return Store{loop.get_executor()};
    }
  }
};

using IngestTest = IngestOn<MemoryEventStore>;
using IngestFailure = IngestOn<GatedStore>;

TEST_F(IngestTest, StoresEachIdOnceAndAcceptsRepetitions) {
  source.offer(draft_of("a"));
  source.offer(draft_of("b"));
  source.offer(draft_of("a"));
  until([this] { return source.accepted.size() == 3; });
  source.offer(draft_of("b"));
  until([this] { return source.accepted.size() == 4; });
  EXPECT_EQ(store.head(), 2);
  EXPECT_EQ(broker.taken.size(), 2);
  EXPECT_THAT(source.refused, IsEmpty());
  EXPECT_EQ(metric("stored"), "2");
  EXPECT_EQ(metric("duplicate"), "2");
}

TEST_F(IngestTest, RefusesWhatIsNoEventAndWhatContradictsOne) {
  auto other = draft_of("a");
  auto event = *other.event;
  event.payload = R"({"n":1})";
  other = {std::make_shared<Event>(event), {.payload = true}};
  source.offer(draft_of("a"));
  source.offer(fail(ErrorCode::invalid, "One field is wrong.", {{"event_type", "is required"}}));
  source.offer(std::move(other));
  source.offer(fail(ErrorCode::malformed_json, std::string(999, 'x') + "é"));
  source.offer(draft_of("b"));
  until([this] { return source.accepted.size() == 2 && source.refused.size() == 3; });
  EXPECT_THAT(source.accepted, ElementsAre(1, 5));
  EXPECT_THAT(source.refused,
              ElementsAre("2 invalid: One field is wrong. event_type is required;",
                          HasSubstr("3 event_conflict: The event_id is taken"), HasSubstr("4 malformed_json: xxx")));
  EXPECT_EQ(metric("refused"), "3");
}

TEST_F(IngestTest, KeepsWhatHasNoPlaceNow) {
  publisher.set_mode(BusMode::read_only);
  source.offer(draft_of("a"));
  source.offer(draft_of("full"));
  for (int turns = 0; turns < 20; ++turns) loop.run_one_for(std::chrono::seconds{1});
  EXPECT_EQ(store.head(), 0);
  publisher.set_mode(BusMode::normal);
  until([this] { return source.accepted.size() == 1; });
  broker.full = "";
  until([this] { return source.accepted.size() == 2; });
  EXPECT_EQ(store.head(), 2);
  EXPECT_THAT(source.refused, IsEmpty());
}

TEST_F(IngestTest, TellsTheSourceAgainWhatItCouldNotTell) {
  source.failing = true;
  source.offer(draft_of("a"));
  source.offer(fail(ErrorCode::invalid, "no"));
  until([this] { return store.head() == 1; });
  for (int turns = 0; turns < 20; ++turns) loop.run_one_for(std::chrono::seconds{1});
  source.failing = false;
  until([this] { return !source.accepted.empty() && !source.refused.empty(); });
  EXPECT_THAT(source.accepted, ElementsAre(1));
  EXPECT_THAT(source.refused, ElementsAre("2 invalid: no"));
  EXPECT_EQ(store.head(), 1);
}

TEST_F(IngestFailure, AcceptsNothingThatTheStoreDidNotTake) {
  store.failing = true;
  source.offer(draft_of("a"));
  until([this] { return store.groups == 1; });
  store.finish_commit();
  until([this] { return store.groups == 2; });  // tried again
  EXPECT_THAT(source.accepted, IsEmpty());
  store.failing = false;
  store.finish_commit();
  until([this] { return !source.accepted.empty(); });
  EXPECT_EQ(store.head(), 1);
}

}  // namespace
}  // namespace eventbus
