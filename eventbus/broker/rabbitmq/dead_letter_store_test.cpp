#include "eventbus/broker/rabbitmq/dead_letter_store.hpp"

#include <gmock/gmock.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include "eventbus/amqp/raw_properties.hpp"
#include "eventbus/broker/rabbitmq/queue_catalog.hpp"
#include "eventbus/postgres/testing/test_server.hpp"
#include "eventbus/store/page_budget.hpp"
#include "eventbus/testing/waiting.hpp"

namespace eventbus::rabbitmq {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

constexpr std::int64_t queue = 1;
constexpr std::int64_t newest = INT64_MAX;

class DeadLetterStoreTest : public testing::Test {
 protected:
  DeadLetterStoreTest() {
    run(catalog.migrate());
    run(store.migrate());
    sql("INSERT INTO eventbus_queues (name, definition, paused, live_after) VALUES ('q', '', false, 0)");
  }
  void TearDown() override { pool.close(); }

  template <class T>
  T run(asio::awaitable<T> work) {
    return result_of(loop, asio::co_spawn(loop, std::move(work), asio::use_future), "the store of dead letters");
  }
  std::string sql(const std::string& text) { return postgres::TestServer::ask(database, text); }

  static RestingMessage letter(Position position, std::string reason = "rejected") {
    return {.entry = "0:" + std::to_string(position),
            .position = position,
            .event_id = "e" + std::to_string(position),
            .death = {.reason = std::move(reason), .attempts = 2, .first_failed_at = now(), .last_failed_at = now()},
            .origin = {"events", "k"},
            .properties = std::string("\0p", 2),
            .body = std::string("\xff\0b", 3)};
  }
  static RestingMessage foreign(std::string name) {
    auto one = letter(0);
    one.entry = "#" + std::move(name);
    return one;
  }
  void add(std::vector<RestingMessage> letters) { run(store.add(queue, std::move(letters))); }
  std::vector<Position> positions(const std::vector<RestingMessage>& letters) {
    std::vector<Position> all;
    all.reserve(letters.size());
    for (const auto& one : letters) all.push_back(one.position);
    return all;
  }
  std::vector<RestingMessage> take(std::size_t limit, DeadLetterSelection selection = all) {
    return run(store.take(queue, std::move(selection), newest, limit));
  }
  std::uint64_t matched(DeadLetterSelection selection = all) {
    return run(store.matched(queue, std::move(selection))).count;
  }

  inline static const DeadLetterSelection all{.event_ids = {}, .reason = {}, .all = true};
  asio::io_context loop;
  std::string database = postgres::TestServer::shared().create_database();
  MetricRegistry registry;
  postgres::PoolMetrics metrics{registry};
  postgres::ConnectionPool pool{loop.get_executor(), postgres::ConnectionSettings::parse(database).value(),
                                postgres::PoolSettings{.min = 0, .max = 2}, metrics};
  QueueCatalog catalog{pool, std::chrono::seconds{20}};
  DeadLetterStore store{pool, std::chrono::seconds{20}};
};

TEST_F(DeadLetterStoreTest, KeepsBytesAsTheyAre) {
  add({letter(5, "r\"é")});
  const auto page = run(store.page(queue, 0, 0, 10));
  ASSERT_THAT(page.messages, SizeIs(1));
  const auto& one = page.messages.front();
  const auto expected = letter(5, "r\"é");
  EXPECT_EQ(one.body, expected.body);
  EXPECT_EQ(one.properties, expected.properties);
  EXPECT_EQ(one.entry, "0:5");
  EXPECT_EQ(one.death.reason, "r\"é");
  EXPECT_EQ(one.death.attempts, 2u);
  EXPECT_EQ(one.origin.routing_key, "k");
  EXPECT_FALSE(page.more);
}

TEST_F(DeadLetterStoreTest, AnEntryRestsOnce) {
  EXPECT_EQ(run(store.add(queue, {letter(5), letter(5), foreign("a"), foreign("b")})), 3u);
  EXPECT_EQ(run(store.add(queue, {letter(5), foreign("a")})), 0u);
  EXPECT_THAT(run(store.counts()), ElementsAre(Pair(queue, 3u)));
}

TEST_F(DeadLetterStoreTest, IsListedByPositionInPagesThatMoveOn) {
  add({letter(9), foreign("a"), letter(3), foreign("b"), foreign("c")});
  std::vector<Position> seen;
  DeadLetterStore::Page page{.messages = {}, .more = true};
  Position after = 0;
  std::int64_t number = 0;
  while (page.more) {
    page = run(store.page(queue, after, number, 2));
    ASSERT_FALSE(page.messages.empty());
    for (const auto& one : page.messages) seen.push_back(one.position);
    after = page.messages.back().position;
    number = page.messages.back().number;
  }
  EXPECT_THAT(seen, ElementsAre(0, 0, 0, 3, 9));
}

TEST_F(DeadLetterStoreTest, PagesAndWhatIsTakenAreBoundedInBytes) {
  for (const Position position : {1, 2, 3}) {
    auto one = letter(position);
    one.body = std::string(most_page_bytes / 2 + 1, 'x');
    add({std::move(one)});
  }
  const auto page = run(store.page(queue, 0, 0, 10));
  EXPECT_THAT(page.messages, SizeIs(2));
  EXPECT_TRUE(page.more);
  EXPECT_THAT(positions(take(10)), ElementsAre(1, 2));
  EXPECT_THAT(positions(take(10)), ElementsAre(3));
}

TEST_F(DeadLetterStoreTest, WhatIsTakenNobodyElseTakesOrDeletes) {
  add({letter(1), letter(2), letter(3)});
  const auto taken = take(2);
  EXPECT_THAT(positions(taken), ElementsAre(1, 2));
  EXPECT_EQ(run(store.remove(queue, all, newest, 10)), 1u);
  EXPECT_THAT(take(10), IsEmpty());
  EXPECT_TRUE(run(store.any(queue, all, newest)));
  EXPECT_THAT(run(store.counts()), ElementsAre(Pair(queue, 2u)));
  run(store.put_back({taken[0].number, taken[1].number}));
  EXPECT_THAT(positions(take(10)), ElementsAre(1, 2));
  sql("UPDATE eventbus_dead_letters SET taken_until = now()");  // as if who took them had died a minute ago
  EXPECT_THAT(positions(take(10)), ElementsAre(1, 2));
}

TEST_F(DeadLetterStoreTest, SelectsByIdAndReason) {
  const std::string long_reason(1000, 'r');
  EXPECT_EQ(matched(), 0u);
  add({letter(1), letter(2, "odd"), letter(3, long_reason), letter(4, long_reason + "!")});
  EXPECT_EQ(matched(), 4u);
  EXPECT_EQ(matched({.event_ids = {"e1", "e4", "nobody"}, .reason = {}, .all = false}), 2u);
  EXPECT_EQ(matched({.event_ids = {}, .reason = "odd", .all = false}), 1u);
  EXPECT_THAT(positions(take(10, {.event_ids = {}, .reason = long_reason, .all = false})), ElementsAre(3));
}

TEST_F(DeadLetterStoreTest, LeavesWhatCameLaterThanTheSelection) {
  add({letter(5)});
  const auto until = run(store.matched(queue, all)).newest;
  add({letter(3)});
  EXPECT_THAT(positions(run(store.take(queue, all, until, 10))), ElementsAre(5));
}

TEST_F(DeadLetterStoreTest, KnowsWhatRestsAndWhatDid) {
  add({letter(1), letter(2), letter(3)});
  run(store.remove(queue, {.event_ids = {"e2"}, .reason = {}, .all = false}, newest, 10));
  const auto taken = take(10, {.event_ids = {"e3"}, .reason = {}, .all = false});
  run(store.remove(queue, {taken.front().number}));
  EXPECT_THAT(run(store.known(queue, {"0:1", "0:2", "0:3", "0:4"})), ElementsAre("0:1", "0:2", "0:3"));
  EXPECT_THAT(run(store.known(queue + 1, {"0:1", "0:2"})), IsEmpty());
}

TEST_F(DeadLetterStoreTest, KeepsNothingForAQueueThatIsNoMore) {
  EXPECT_THROW(run(store.add(queue + 1, {letter(1)})), Unavailable);
  EXPECT_EQ(sql("SELECT count(*) FROM eventbus_dead_letters"), "0");
}

TEST_F(DeadLetterStoreTest, AMessageThatPostgreSqlRefusesHoldsUpNoOther) {
  auto odd = letter(2);
  odd.event_id = std::string("e\0", 2);
  auto large = letter(4);
  for (int number = 0; number < 1000; ++number) large.event_id += std::to_string(number * 7919);
  EXPECT_EQ(run(store.add(queue, {letter(1), odd, letter(3), large})), 4u);
  EXPECT_EQ(run(store.add(queue, {letter(1), letter(3)})), 0u);
  const auto page = run(store.page(queue, 0, 0, 10));
  ASSERT_THAT(page.messages, SizeIs(4));
  EXPECT_EQ(page.messages[0].death.reason, "quarantined");
  EXPECT_EQ(page.messages[0].body, odd.body);
}

TEST_F(DeadLetterStoreTest, CountsWhateverChangesTheTable) {
  add({letter(1), letter(2), letter(3)});
  sql("DELETE FROM eventbus_dead_letters WHERE position = 2");
  EXPECT_THAT(run(store.counts()), ElementsAre(Pair(queue, 2u)));
  sql("TRUNCATE eventbus_dead_letters");
  EXPECT_THAT(run(store.counts()), IsEmpty());
}

TEST_F(DeadLetterStoreTest, ForgetsWhatLeftLongAgoAndWhatBelongsToNoQueue) {
  add({letter(1), letter(2)});
  sql("INSERT INTO eventbus_queues (name, definition, paused, live_after) VALUES ('other', '', false, 0)");
  EXPECT_EQ(run(store.add(queue + 1, {letter(1), letter(2)})), 2u);
  sql("DELETE FROM eventbus_queues WHERE id = 2");
  run(store.remove(queue, {.event_ids = {"e1"}, .reason = {}, .all = false}, newest, 10));
  EXPECT_FALSE(run(store.tidy()));
  EXPECT_THAT(run(store.known(queue, {"0:1"})), SizeIs(1));
  EXPECT_THAT(run(store.counts()), ElementsAre(Pair(queue, 1u)));
  sql("UPDATE eventbus_dead_letters_gone SET since = since - interval '2 hours'");
  EXPECT_FALSE(run(store.tidy()));
  EXPECT_THAT(run(store.known(queue, {"0:1"})), IsEmpty());
  EXPECT_EQ(sql("SELECT count(*) FROM eventbus_dead_letter_counts"), "1");
}

}  // namespace
}  // namespace eventbus::rabbitmq
