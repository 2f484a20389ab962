#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eventbus/bus/bus_under_test.hpp"

namespace eventbus {
namespace {

/// What becomes of events that the store has already.
class RepeatTest : public BusTest {
 protected:
  static EventDraft named(const std::string& id, std::string type) {
    auto draft = draft_of(std::move(type));
    std::const_pointer_cast<Event>(draft.event)->event_id = id;
    draft.given.event_id = true;
    return draft;
  }
  asio::awaitable<void> batch(std::vector<EventDraft> drafts, bool atomic) {
    auto places = co_await publisher.admit(drafts);
    auto results = co_await publisher.publish_batch(std::move(drafts), std::move(places), atomic);
    if (!results) {
      outcomes.push_back("all " + std::string(describe(results.error().code).name));
      co_return;
    }
    for (const auto& result : *results) outcomes.push_back(result ? word(result->status) : "queue_full");
  }
  asio::awaitable<void> one(EventDraft draft) {
    const auto result = co_await publisher.publish(std::move(draft));
    outcomes.push_back(result ? word(result->status) : "queue_full");
  }
  static std::string word(AppendStatus status) {
    return status == AppendStatus::stored ? "stored" : status == AppendStatus::duplicate ? "duplicate" : "conflict";
  }
  std::vector<std::string> after(asio::awaitable<void> work) {
    outcomes.clear();
    tasks.spawn("work", std::move(work));
    poll();
    commit();
    return outcomes;
  }
  using Words = std::vector<std::string>;
};

TEST_F(RepeatTest, OfAStoredEventNeedsNoRoomInAQueue) {
  store.put(named("x", "full").event);
  EXPECT_EQ(after(one(named("x", "full"))), Words{"duplicate"});
  EXPECT_EQ(after(one(named("x", "other"))), Words{"conflict"});
  EXPECT_EQ(after(one(named("y", "full"))), Words{"queue_full"});
  EXPECT_EQ(after(one(draft_of("full"))), Words{"queue_full"});
  EXPECT_EQ(store.log.size(), 1u);
  EXPECT_TRUE(broker.taken.empty());
}

TEST_F(RepeatTest, TheStoreIsAskedOnlyWhereThereIsNoRoom) {
  after(one(named("x", "a")));
  after(one(named("x", "a")));
  after(batch({named("x", "a"), named("y", "a")}, false));
  EXPECT_EQ(store.looks, 0);
  after(one(draft_of("full")));
  EXPECT_EQ(store.looks, 0) << "an id that was made here is nobody's";
  after(batch({named("a", "full"), named("b", "full"), named("c", "full")}, false));
  EXPECT_EQ(store.looks, 3);
}

TEST_F(RepeatTest, NobodyLooksForThoseOfABatchThatIsRefusedAnyway) {
  store.put(named("x", "full").event);
  publisher.set_mode(BusMode::read_only);
  EXPECT_EQ(after(batch({named("x", "full"), named("y", "full")}, false)), Words{"all read_only"});
  publisher.set_mode(BusMode::normal);
  for (const auto* type : {"1", "2", "3", "4"}) publish(type);
  poll();
  outcomes.clear();
  tasks.spawn("batch", batch({named("x", "full"), named("y", "full")}, false));
  poll();
  EXPECT_EQ(outcomes, Words{"all too_many_requests"});
  EXPECT_EQ(store.looks, 0);
}

TEST_F(RepeatTest, InABatchIsADuplicateAndTheRestIsJudgedForItself) {
  store.put(named("x", "full").event);
  const auto drafts = [] { return std::vector{named("x", "full"), named("y", "full"), named("z", "a")}; };
  EXPECT_EQ(after(batch(drafts(), false)), (Words{"duplicate", "queue_full", "stored"}));
  EXPECT_EQ(after(batch(drafts(), true)), (Words{"all queue_full"}));
  EXPECT_EQ(after(batch({named("x", "full"), named("new", "a")}, true)), (Words{"duplicate", "stored"}));
}

TEST_F(RepeatTest, TakesNoRoomFromNewEvents) {
  store.put(named("x", "narrow").event);
  broker.narrow_room = 1;
  const auto drafts = [] { return std::vector{named("x", "narrow"), named("y", "narrow"), named("y", "narrow")}; };
  EXPECT_EQ(after(batch(drafts(), false)), (Words{"duplicate", "stored", "duplicate"}));
  EXPECT_EQ(broker.narrow_room, 1u) << "given back";
}

TEST_F(RepeatTest, OfARefusedEventIsRefusedToo) {
  EXPECT_EQ(after(batch({named("y", "full"), named("y", "full")}, false)), (Words{"queue_full", "queue_full"}));
  EXPECT_TRUE(store.log.empty());
}

TEST_F(RepeatTest, NoneIsJudgedBeforeAllWereLookedFor) {
  store.put(named("x", "full").event);
  store.looks_wait = true;
  EXPECT_EQ(after(batch({named("x", "full"), named("y", "full")}, false)), Words{});
  EXPECT_EQ(store.looks, 2);
  commit();
  EXPECT_EQ(outcomes, (Words{"duplicate", "queue_full"}));
}

TEST_F(RepeatTest, AStoreThatCannotTellFailsThePublish) {
  store.failing = true;
  std::string failure;
  tasks.spawn("batch", note_failure(batch({named("x", "full"), named("y", "full")}, false), failure));
  poll();
  EXPECT_EQ(failure, "get: disk full");
  EXPECT_EQ(store.groups, 0);
}

TEST_F(RepeatTest, ABatchKeepsItsPlacesUntilItIsStored) {
  broker.narrow_room = 1;
  tasks.spawn("batch", batch({named("x", "narrow")}, false));
  poll();
  EXPECT_EQ(broker.narrow_room, 0U);
  commit();
  EXPECT_EQ(outcomes, Words{"stored"});
  EXPECT_EQ(broker.narrow_room, 1U);
}

TEST_F(RepeatTest, ABatchAboveTheLimitIsTakenWhenNothingElseWaits) {
  std::vector<EventDraft> drafts;
  for (const auto* id : {"1", "2", "3", "4", "5", "6"}) drafts.push_back(named(id, "a"));
  tasks.spawn("batch", batch(std::move(drafts), false));
  poll();
  publish("late");
  poll();
  EXPECT_EQ(outcomes, Words{"too_many_requests"});
  commit();
  EXPECT_EQ(outcomes.size(), 7U);
  EXPECT_EQ(outcomes.back(), "stored");
}

TEST_F(RepeatTest, EachPublishedEventIsTimed) {
  after(one(named("1", "single")));
  after(one(named("1", "single")));
  after(batch({named("2", "single"), named("3", "other")}, false));
  const auto text = metrics.serialize();
  EXPECT_THAT(text, testing::HasSubstr("eventbus_publish_duration_seconds_count{event_type=\"single\"} 3\n"));
  EXPECT_THAT(text, testing::HasSubstr("eventbus_publish_duration_seconds_count{event_type=\"other\"} 1\n"));
}

}  // namespace
}  // namespace eventbus
