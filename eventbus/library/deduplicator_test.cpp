#include "eventbus/library/deduplicator.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <filesystem>
#include <functional>
#include <future>
#include <stdexcept>
#include <thread>
#include <tuple>
#include <vector>

#include "eventbus/postgres/testing/test_server.hpp"
#include "eventbus/testing/child_process.hpp"
#include "eventbus/testing/waiting.hpp"

namespace eventbus {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using Row = std::vector<std::optional<std::string>>;

enum class Place : std::uint8_t { postgres, sqlite_file, sqlite_memory };

std::string name_of(Place place) {
  if (place == Place::postgres) return "PostgreSQL";
  return place == Place::sqlite_file ? "SqliteFile" : "SqliteMemory";
}

/// What a Deduplicator does on every database.
class DeduplicatorTest : public testing::TestWithParam<Place> {
 public:
  DeduplicatorTest() : folder_(make_folder("deduplicator")) {
    if (GetParam() == Place::postgres) {
      database_ = postgres::TestServer::shared().create_database();
    } else {
      database_ = GetParam() == Place::sqlite_file ? (folder_ / "handled.db").string() : ":memory:";
    }
  }
  ~DeduplicatorTest() override { std::filesystem::remove_all(folder_); }

 protected:
  std::unique_ptr<Deduplicator> open(const std::string& consumer = "payments", DeduplicatorLimits limits = {}) const {
    return std::make_unique<Deduplicator>(database_, consumer, limits);
  }
  /// The object, and another one of the same consumer where the database can be opened twice.
  std::vector<std::unique_ptr<Deduplicator>> instances() const {
    std::vector<std::unique_ptr<Deduplicator>> all;
    all.push_back(open());
    if (GetParam() != Place::sqlite_memory) all.push_back(open());
    return all;
  }
  static void make_balance(Deduplicator& handled) {
    ASSERT_TRUE(handled
                    .once("setup",
                          [](Deduplicator::Transaction& sql) {
                            sql.execute("CREATE TABLE balance (total BIGINT NOT NULL)").value();
                            sql.execute("INSERT INTO balance VALUES (0)").value();
                          })
                    .value());
  }
  static void add_one(Deduplicator::Transaction& sql) {
    std::ignore = sql.execute("UPDATE balance SET total = total + 1");
  }
  static std::string balance(Deduplicator& handled) {
    static std::atomic<int> question = 0;
    std::string total;
    handled
        .once("question " + std::to_string(++question),
              [&](Deduplicator::Transaction& sql) { total = *sql.execute("SELECT total FROM balance")->rows[0][0]; })
        .value();
    return total;
  }
  /// As if `event_id` had been handled so long before.
  void age(Deduplicator& handled, const std::string& event_id, std::chrono::hours by) const {
    const auto sql =
        GetParam() == Place::postgres
            ? "UPDATE eventbus_handled_events SET handled_at = handled_at - $1::bigint * interval '1 hour' "
              "WHERE event_id = $2"
            : "UPDATE eventbus_handled_events SET handled_at = handled_at - $1 * 3600000000 WHERE event_id = $2";
    std::uint64_t affected = 0;
    handled
        .once("aging of " + event_id,
              [&](Deduplicator::Transaction& transaction) {
                affected = transaction.execute(sql, {std::to_string(by.count()), event_id}).value().affected;
              })
        .value();
    ASSERT_EQ(affected, 1U);
  }

  std::filesystem::path folder_;
  std::string database_;
};

INSTANTIATE_TEST_SUITE_P(All, DeduplicatorTest,
                         testing::Values(Place::postgres, Place::sqlite_file, Place::sqlite_memory),
                         [](const auto& which) { return name_of(which.param); });

TEST_P(DeduplicatorTest, RemembersWhatItWasTold) {
  const auto handled = open();
  EXPECT_TRUE(handled->initialize_schema());
  EXPECT_TRUE(handled->initialize_schema());
  EXPECT_FALSE(handled->contains("a").value());
  EXPECT_TRUE(handled->remember("a").value());
  EXPECT_FALSE(handled->remember("a").value());
  EXPECT_TRUE(handled->contains("a").value());
  EXPECT_FALSE(handled->contains("A").value());
  EXPECT_EQ(handled->size().value(), 1U);
}

TEST_P(DeduplicatorTest, RemembersAcrossRestartsForEachConsumer) {
  if (GetParam() == Place::sqlite_memory) return;
  open()->remember("a").value();
  EXPECT_TRUE(open()->contains("a").value());
  EXPECT_FALSE(open("mails")->contains("a").value());
  EXPECT_TRUE(open("mails")->remember("a").value());
}

TEST_P(DeduplicatorTest, HandlesOnce) {
  for (const auto& handled : instances()) {
    int calls = 0;
    const bool first = handled->size().value() == 0;
    EXPECT_EQ(handled->once("a", [&](auto&) { ++calls; }).value(), first);
    EXPECT_EQ(calls, first ? 1 : 0);
  }
}

TEST_P(DeduplicatorTest, UndoesAllWhenTheWorkThrows) {
  const auto handled = open();
  make_balance(*handled);
  const auto fail_at_the_end = [](Deduplicator::Transaction& sql) {
    add_one(sql);
    throw std::runtime_error("no");
  };
  EXPECT_THROW(std::ignore = handled->once("a", fail_at_the_end), std::runtime_error);
  EXPECT_FALSE(handled->contains("a").value());
  EXPECT_EQ(balance(*handled), "0");
  EXPECT_TRUE(handled->once("a", add_one).value());
  EXPECT_FALSE(handled->once("a", add_one).value());
  EXPECT_EQ(balance(*handled), "1");
}

TEST_P(DeduplicatorTest, UndoesAllWhenAStatementFailedWhateverTheWorkDoesAboutIt) {
  const auto handled = open();
  make_balance(*handled);
  for (const auto* wrong : {"SELEC 1", "INSERT INTO balance VALUES (NULL)", "UPDATE nowhere SET x = 1", "SELECT $1",
                            "SELECT 1; SELECT 2", ""}) {
    std::optional<Error> seen;
    std::optional<Error> later;
    const auto result = handled->once("a", [&](Deduplicator::Transaction& sql) {
      add_one(sql);
      if (auto refused = sql.execute(wrong); !refused) seen = refused.error();
      if (auto refused = sql.execute("SELECT 1"); !refused) later = refused.error();
    });
    ASSERT_FALSE(result) << wrong;
    EXPECT_EQ(result.error().code, ErrorCode::invalid) << wrong << ": " << result.error().detail;
    EXPECT_EQ(seen.value().detail, result.error().detail);
    EXPECT_EQ(later.value().detail, result.error().detail);
    EXPECT_FALSE(handled->contains("a").value());
  }
  EXPECT_EQ(balance(*handled), "0");
}

TEST_P(DeduplicatorTest, LetsNoWorkEndItsTransaction) {
  const auto handled = open();
  const auto result = handled->once("a", [](Deduplicator::Transaction& sql) { std::ignore = sql.execute("ROLLBACK"); });
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().detail, HasSubstr("must not end the transaction"));
  EXPECT_TRUE(handled->remember("a").value());
}

TEST_P(DeduplicatorTest, GivesAndTakesValuesAlike) {
  const auto handled = open();
  const std::string text = "ü'); DROP TABLE eventbus_handled_events; --";
  std::vector<SqlResult> results;
  handled
      ->once("a",
             [&](Deduplicator::Transaction& sql) {
               results.push_back(sql.execute("CREATE TABLE things (name TEXT, number BIGINT, sum NUMERIC)").value());
               results.push_back(
                   sql.execute("INSERT INTO things VALUES ($1, $2, $3), ('b', $2, NULL)", {text, "7", std::nullopt})
                       .value());
               results.push_back(sql.execute("SELECT name, number + 1, sum FROM things ORDER BY name = 'b'").value());
               results.push_back(
                   sql.execute("UPDATE things SET number = 1 WHERE name = $1 RETURNING number", {text}).value());
               results.push_back(sql.execute("SELECT 1 FROM things WHERE number = $1", {"3"}).value());
             })
      .value();
  EXPECT_EQ(results[1].affected, 2U);
  EXPECT_EQ(results[2].rows, (std::vector<Row>{{text, "8", std::nullopt}, {"b", "8", std::nullopt}}));
  EXPECT_EQ(results[3].affected, 1U);
  EXPECT_EQ(results[3].rows, (std::vector<Row>{{"1"}}));
  EXPECT_TRUE(results[4].rows.empty());
  EXPECT_TRUE(handled->contains("a").value());
}

TEST_P(DeduplicatorTest, ForgetsTheOldestBeyondItsEntries) {
  const auto handled = open("payments", {.entries = 20});
  for (int number = 100; number < 200; ++number) handled->remember(std::to_string(number)).value();
  EXPECT_LE(handled->size().value(), 22U);
  for (int number = 180; number < 200; ++number) EXPECT_TRUE(handled->contains(std::to_string(number)).value());
  EXPECT_FALSE(handled->contains("177").value());
  if (GetParam() == Place::sqlite_memory) return;
  open("mails", {.entries = 1})->remember("a").value();
  EXPECT_TRUE(handled->contains("199").value()) << "each consumer has limits of its own";
}

TEST_P(DeduplicatorTest, ForgetsWhatIsTooOld) {
  const auto handled = open("payments", {.entries = 10, .age = std::chrono::hours{2}});
  handled->remember("young").value();
  handled->remember("old").value();
  handled->remember("older").value();
  age(*handled, "young", std::chrono::hours{1});
  age(*handled, "old", std::chrono::hours{3});
  age(*handled, "older", std::chrono::hours{4});
  EXPECT_TRUE(handled->contains("young").value());
  EXPECT_FALSE(handled->remember("young").value());
  EXPECT_FALSE(handled->contains("old").value());
  EXPECT_TRUE(handled->remember("old").value()) << "it is handled again";
  EXPECT_FALSE(handled->remember("old").value());
  EXPECT_EQ(handled->size().value(), 5U) << "three agings, young and old";
}

TEST_P(DeduplicatorTest, HandlesOnceHoweverManyTryAtATime) {
  constexpr int events = 30;
  const auto all = instances();
  make_balance(*all.front());
  std::atomic<int> done = 0;
  std::atomic<int> failed = 0;
  {
    std::vector<std::jthread> threads;
    threads.reserve(8);
    for (int thread = 0; thread < 8; ++thread) {
      threads.emplace_back([&, thread] {
        auto& handled = *all[static_cast<std::size_t>(thread) % all.size()];
        for (int event = 0; event < events; ++event) {
          const auto result = handled.once("event " + std::to_string(event), add_one);
          done += result.value_or(false) ? 1 : 0;
          failed += result ? 0 : 1;
        }
      });
    }
  }
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(done, events);
  EXPECT_EQ(balance(*all.front()), std::to_string(events));
}

TEST_P(DeduplicatorTest, WaitsForTheOutcomeOfWhoeverHasTheEventInHand) {
  const auto handled = open();
  std::promise<void> begun;
  std::promise<void> end;
  auto first = std::async(std::launch::async, [&] {
    return handled->once("a", [&](auto&) {
      begun.set_value();
      end.get_future().wait_for(test_patience);
      throw std::runtime_error("no");
    });
  });
  begun.get_future().wait_for(test_patience);
  auto second = std::async(std::launch::async, [&] { return handled->once("a", [](auto&) {}); });
  end.set_value();
  EXPECT_THROW(std::ignore = first.get(), std::runtime_error);
  EXPECT_TRUE(second.get().value()) << "the first one failed";
}

TEST_P(DeduplicatorTest, CanBeAwaited) {
  asio::io_context loop;
  const auto handled = open();
  const auto journey = [](Deduplicator& seen) -> asio::awaitable<void> {
    const Deduplicator::AsyncWork work = [](Deduplicator::Transaction& sql) -> asio::awaitable<void> {
      auto selecting = sql.async_execute("SELECT 1");
      const auto result = co_await std::move(selecting);
      if (result->affected != 1) throw std::logic_error("no row");
    };
    const Deduplicator::AsyncWork broken = [](Deduplicator::Transaction&) -> asio::awaitable<void> {
      throw std::runtime_error("no");
      co_return;
    };
    EXPECT_TRUE(co_await seen.async_initialize_schema());
    EXPECT_TRUE((co_await seen.async_once("a", work)).value());
    EXPECT_FALSE((co_await seen.async_once("a", work)).value());
    EXPECT_TRUE((co_await seen.async_remember("b")).value());
    EXPECT_TRUE((co_await seen.async_contains("b")).value());
    EXPECT_EQ((co_await seen.async_size()).value(), 2U);
    co_await seen.async_once("c", broken);
  };
  auto done = asio::co_spawn(loop, journey(*handled), asio::use_future);
  EXPECT_THROW(result_of(loop, std::move(done), "the journey"), std::runtime_error);
  EXPECT_FALSE(handled->contains("c").value());
}

/// Programs with a connection of their own write the row themselves.
TEST_P(DeduplicatorTest, KnowsWhatOthersWroteIntoItsTable) {
  const auto handled = open();
  handled
      ->once("mine",
             [](Deduplicator::Transaction& sql) {
               std::ignore = sql.execute(
                   "INSERT INTO eventbus_handled_events (consumer, event_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                   {"payments", "theirs"});
             })
      .value();
  EXPECT_TRUE(handled->contains("theirs").value());
}

TEST_P(DeduplicatorTest, NamesWhatIsWrong) {
  EXPECT_THAT(open("")->contains("a").error().detail, HasSubstr("consumer"));
  EXPECT_THAT(open(std::string(256, 'c'))->contains("a").error().detail, HasSubstr("consumer"));
  const auto handled = open();
  for (const auto& id : {std::string(), std::string(1021, 'x'), std::string("a\0b", 3)}) {
    EXPECT_THAT(handled->remember(id).error().detail, HasSubstr("event_id"));
    EXPECT_FALSE(handled->once(id, [](auto&) {}));
  }
  EXPECT_TRUE(handled->remember(std::string(1020, 'x')).value());
}

TEST(DeduplicatorPlaces, SayWhyTheyCannotBeUsed) {
  EXPECT_EQ(Deduplicator("", "c").contains("a").error().code, ErrorCode::invalid);
  EXPECT_EQ(Deduplicator("postgresql://h:port/x", "c").contains("a").error().code, ErrorCode::invalid);
  EXPECT_EQ(Deduplicator("/nowhere/at/all.db", "c").contains("a").error().code, ErrorCode::unavailable);
  const auto unreachable = Deduplicator("postgresql://user:secret@127.0.0.1:1/x", "c").contains("a");
  EXPECT_EQ(unreachable.error().code, ErrorCode::unavailable);
  EXPECT_THAT(unreachable.error().detail, AllOf(HasSubstr("127.0.0.1"), Not(HasSubstr("secret"))));
}

TEST(DeduplicatorPlaces, WorkAgainWhenTheServerIsBack) {
  postgres::TestServer server;
  Deduplicator handled(server.url(), "payments");
  EXPECT_TRUE(handled.remember("a").value());
  const auto lost = handled.once("b", [&](auto&) { server.kill(); });
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, ErrorCode::unavailable);
  server.start();
  wait_until("the server to be used again", [&] { return handled.contains("a").value_or(false); });
  EXPECT_TRUE(handled.once("b", [](auto&) {}).value());
}

}  // namespace
}  // namespace eventbus
