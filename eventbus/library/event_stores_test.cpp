#include "eventbus/library/event_stores.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <filesystem>
#include <thread>

#include "eventbus/library/make_event.hpp"
#include "eventbus/postgres/testing/test_server.hpp"
#include "eventbus/testing/waiting.hpp"

namespace eventbus {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Event event_to_store(const std::string& id, const std::string& type = "user.created",
                     const std::string& payload = "{}") {
  return {.event_id = id, .event_type = type, .payload = payload};
}

std::vector<std::string> ids(const std::vector<StoredEvent>& events) {
  std::vector<std::string> found;
  found.reserve(events.size());
  for (const auto& stored : events) found.push_back(stored.event->event_id);
  return found;
}

/// The same cases on both stores.
class EventStoresTest : public testing::TestWithParam<bool> {
 public:
  EventStoresTest() {
    if (GetParam()) {
      store_ = std::make_unique<api::PostgreSQLEventStore>(postgres::TestServer::shared().create_database());
    } else {
      std::filesystem::remove_all(folder_);
      store_ = std::make_unique<api::SqliteEventStore>(folder_);
    }
  }
  ~EventStoresTest() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

 protected:
  api::EventStore& prepared() {
    const auto done = store_->initialize_schema();
    EXPECT_TRUE(done) << done.error().detail;
    return *store_;
  }

  std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("eventbus-library-" + std::to_string(getpid()));
  std::unique_ptr<api::EventStore> store_;
};

INSTANTIATE_TEST_SUITE_P(All, EventStoresTest, testing::Values(false, true),
                         [](const auto& which) { return which.param ? "PostgreSQL" : "SQLite"; });

TEST_P(EventStoresTest, SaysWhatIsMissingBeforeTheTablesArePrepared) {
  const auto stored = store_->store_event(event_to_store("a"));
  ASSERT_FALSE(stored);
  EXPECT_EQ(stored.error().code, ErrorCode::unavailable);
  EXPECT_THAT(stored.error().detail, HasSubstr("initialize_schema"));
  EXPECT_FALSE(store_->get_event_by_id("a"));
  EXPECT_FALSE(store_->replay_events({}, {}));
}

TEST_P(EventStoresTest, StoresOnceByIdAndGivesItBack) {
  auto& store = prepared();
  const auto made = make_event({.event_type = "user.created", .payload = R"({"n": 1.0, "u": "ü"})"}).value();
  EXPECT_EQ(store.store_event(made).value(), true);
  EXPECT_EQ(store.store_event(made).value(), false);
  const auto found = store.get_event_by_id(made.event_id).value();
  ASSERT_TRUE(found);
  EXPECT_EQ(*found->event, made);
  EXPECT_GT(found->stored_at, Timestamp{});
  EXPECT_FALSE(store.get_event_by_id("nobody").value());
}

TEST_P(EventStoresTest, RefusesAnIdWithOtherContentAndWhatIsInvalid) {
  auto& store = prepared();
  ASSERT_TRUE(store.store_event(event_to_store("a", "user.created", R"({"n":1})")));
  const auto other = store.store_event(event_to_store("a", "user.created", R"({"n":2})"));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::conflict);
  const auto invalid = store.store_event(event_to_store("b", "user..created"));
  ASSERT_FALSE(invalid);
  ASSERT_EQ(invalid.error().fields.size(), 1U);
  EXPECT_EQ(invalid.error().fields[0].field, "event_type");
}

TEST_P(EventStoresTest, StoresManyOrNone) {
  auto& store = prepared();
  EXPECT_EQ(store.store_events({event_to_store("a"), event_to_store("b")}).value(), 2U);
  EXPECT_EQ(store.store_events({event_to_store("b"), event_to_store("c")}).value(), 1U);
  EXPECT_EQ(store.store_events({}).value(), 0U);
  const auto refused = store.store_events({event_to_store("d"), event_to_store("a", "user.deleted")});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  EXPECT_FALSE(store.get_event_by_id("d").value());
}

TEST_P(EventStoresTest, ReplaysByTimeAndType) {
  auto& store = prepared();
  const auto start = parse_timestamp("2026-01-01T00:00:00Z").value();
  std::vector<Event> events;
  for (int number = 0; number < 1200; ++number) {
    events.push_back(event_to_store("e" + std::to_string(number), number % 2 == 0 ? "even.made" : "odd.made"));
    events.back().timestamp = start + std::chrono::seconds{number};
  }
  ASSERT_EQ(store.store_events(events).value(), 1200U);
  const auto at = [&](int second) { return start + std::chrono::seconds{second}; };
  EXPECT_THAT(ids(store.replay_events(at(10), at(13)).value()), ElementsAre("e10", "e11", "e12", "e13"));
  EXPECT_THAT(ids(store.replay_events(at(10), {}, "odd.*", 2).value()), ElementsAre("e11", "e13"));
  EXPECT_EQ(store.replay_events({}, {}, {}, 5000).value().size(), 1200U);
  EXPECT_EQ(store.replay_events(at(13), at(10)).error().code, ErrorCode::invalid);
  EXPECT_FALSE(store.replay_events({}, {}, "odd*"));

  auto replay = store.replay({.start_time = at(100), .event_type = "even.made"});
  std::vector<std::string> found;
  for (auto page = replay.next().value(); !page.empty(); page = replay.next().value()) {
    for (auto& id : ids(page)) found.push_back(std::move(id));
  }
  EXPECT_EQ(found.size(), 550U);
  EXPECT_EQ(found.front(), "e100");
  EXPECT_EQ(found.back(), "e1198");
}

asio::awaitable<std::string> journey(api::EventStore& store, std::thread::id& resumed_on) {
  const auto stored = co_await store.async_store_event(event_to_store("a"));
  resumed_on = std::this_thread::get_id();
  const auto found = co_await store.async_get_event_by_id("a");
  auto replay = store.replay();
  const auto page = co_await replay.async_next();
  co_return stored.value() && found.value() && page.value().size() == 1 ? "all there" : "something is missing";
}

TEST_P(EventStoresTest, IsAwaitedOnTheCallersLoop) {
  asio::io_context loop;
  std::thread::id resumed_on;
  auto result = asio::co_spawn(loop, journey(prepared(), resumed_on), asio::use_future);
  run_to_end(loop, "a journey through the store");  // until the store's thread has let go of it
  EXPECT_EQ(result.get(), "all there");
  EXPECT_EQ(resumed_on, std::this_thread::get_id());
}

TEST_P(EventStoresTest, ServesManyThreads) {
  auto& store = prepared();
  std::vector<std::jthread> threads;
  threads.reserve(4);
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&store, thread] {
      for (int number = 0; number < 50; ++number) {
        const auto stored = store.store_event(event_to_store(std::to_string(thread) + "-" + std::to_string(number)));
        EXPECT_TRUE(stored) << stored.error().detail;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(store.replay_events({}, {}).value().size(), 200U);
}

TEST(PostgreSQLEventStoreTest, SaysWhyItCannotBeUsed) {
  api::PostgreSQLEventStore nonsense("mysql://secret@host/x");
  const auto invalid = nonsense.initialize_schema();
  ASSERT_FALSE(invalid);
  EXPECT_THAT(invalid.error().detail, testing::Not(HasSubstr("secret")));
  api::PostgreSQLEventStore nobody("postgresql://user:secret@127.0.0.1:1/x");
  const auto unreachable = nobody.initialize_schema();
  ASSERT_FALSE(unreachable);
  EXPECT_EQ(unreachable.error().code, ErrorCode::unavailable);
  EXPECT_THAT(unreachable.error().detail, testing::Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace eventbus
