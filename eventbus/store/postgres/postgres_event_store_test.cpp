#include "eventbus/store/postgres/postgres_event_store.hpp"

#include <gmock/gmock.h>

#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <set>

#include "eventbus/postgres/testing/on_loop.hpp"
#include "eventbus/runtime/task_group.hpp"
#include "eventbus/store/conformance/event_store_random.hpp"
#include "eventbus/store/conformance/event_store_suite.hpp"
#include "eventbus/store/postgres/postgres_under_test.hpp"
#include "eventbus/store/postgres/schema.hpp"

namespace eventbus {
namespace {

using postgres::run_on;
using postgres::TestServer;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
using testing::UnorderedElementsAre;

std::unique_ptr<StoreUnderTest> make_postgres(asio::io_context& loop) {
  return std::make_unique<PostgresUnderTest>(loop);
}

INSTANTIATE_TEST_SUITE_P(Adapter, EventStoreConformance, testing::Values(StoreCase{"postgres", make_postgres}),
                         case_name);

class PostgresStore : public testing::Test {
 protected:
  Appended append(PostgresUnderTest& instance, const std::string& id) {
    auto requests = one_request({DraftBuilder{id}.build()});
    return run_on(loop, instance.store().append(std::move(requests))).front().front();
  }
  /// Events "e0" to "e79" of 1 MiB each.
  void append_large(PostgresUnderTest& instance) {
    const auto payload = R"({"text":")" + std::string(std::size_t{1} << 20U, 'x') + R"("})";
    for (int number = 0; number < 80; number += 8) {
      std::vector<EventDraft> drafts;
      drafts.reserve(8);
      for (int next = number; next < number + 8; ++next)
        drafts.push_back(DraftBuilder{"e" + std::to_string(next), "t", payload}.build());
      run_on(loop, instance.store().append(one_request(std::move(drafts))));
    }
  }
  static std::string ask(const std::string& sql) { return TestServer::ask(url(), sql); }
  static const std::string& url() {
    thread_local std::string made;
    thread_local const testing::TestInfo* of = nullptr;
    const auto* current = testing::UnitTest::GetInstance()->current_test_info();
    if (of != current) made = TestServer::shared().create_database();
    of = current;
    return made;
  }

  asio::io_context loop;
};

asio::awaitable<void> write_many(PostgresEventStore& store, std::string prefix, int count, int& writing) {
  for (int number = 0; number < count; ++number) {
    std::vector<EventDraft> drafts;
    drafts.reserve(3);
    for (int part = 0; part < 3; ++part)
      drafts.push_back(DraftBuilder{prefix + std::to_string(number) + "." + std::to_string(part)}.build());
    auto requests = one_request(std::move(drafts));
    co_await store.append(std::move(requests));
  }
  --writing;
}

asio::awaitable<void> follow(PostgresEventStore& store, const int& writing, std::vector<StoredEvent>& seen) {
  Position after = 0;
  while (true) {
    const bool last = writing == 0;
    auto page = co_await store.read_log(after, 17, "");
    after = page.scanned;
    seen.insert(seen.end(), page.events.begin(), page.events.end());
    if (last && page.events.empty()) co_return;
  }
}

TEST_F(PostgresStore, ReadersOfTheLogMissNothingWhileSeveralInstancesWrite) {
  PostgresUnderTest one(loop, url());
  PostgresUnderTest two(loop, url());
  int writing = 6;
  std::vector<StoredEvent> seen;
  TaskGroup tasks(loop.get_executor());
  for (int writer = 0; writer < 6; ++writer) {
    auto& store = writer % 2 == 0 ? one.store() : two.store();
    tasks.spawn("write", write_many(store, "w" + std::to_string(writer) + ".", 40, writing));
  }
  tasks.spawn("follow", follow(two.store(), writing, seen));
  run_to_end(loop, "what is going on");
  std::set<std::string> ids;
  Position before = 0;
  for (const auto& stored : seen) {
    EXPECT_GT(stored.position, before);
    before = stored.position;
    ids.insert(stored.event->event_id);
  }
  EXPECT_EQ(ids.size(), 6u * 40u * 3u);
  EXPECT_EQ(seen.size(), ids.size());
  EXPECT_EQ(run_on(loop, one.store().look()), before);
}

TEST_F(PostgresStore, ALogEndsBeforeATransactionThatIsStillRunning) {
  PostgresUnderTest one(loop, url());
  append(one, "first");
  auto session =
      run_on(loop, postgres::Connection::connect(loop.get_executor(),
                                                 postgres::ConnectionSettings::parse(url()).value(), postgres::soon()));
  run_on(loop, session->script("BEGIN; SELECT txid_current()", postgres::soon()));
  const auto head = one.store().head();
  append(one, "second");
  EXPECT_EQ(one.store().head(), head);
  EXPECT_THAT(ids_of(run_on(loop, one.store().read_log(0, 10, "")).events), ElementsAre("first"));
  run_on(loop, session->script("COMMIT", postgres::soon()));
  EXPECT_THAT(ids_of(run_on(loop, one.store().read_log(0, 10, "")).events), ElementsAre("first", "second"));
  EXPECT_GT(run_on(loop, one.store().look()), head);
}

TEST_F(PostgresStore, StoresAnIdOnceThatTwoInstancesGetAtOnce) {
  PostgresUnderTest one(loop, url());
  PostgresUnderTest two(loop, url());
  for (int round = 0; round < 10; ++round) {
    std::vector<std::future<std::vector<std::vector<Appended>>>> both;
    for (auto* instance : {&one, &two}) {
      auto requests = one_request({DraftBuilder{"id" + std::to_string(round)}.build()});
      both.push_back(asio::co_spawn(loop, instance->store().append(std::move(requests)), asio::use_future));
    }
    run_to_end(loop, "what is going on");
    std::multiset<AppendStatus> statuses;
    for (auto& future : both) statuses.insert(future.get().front().front().status);
    EXPECT_EQ(statuses, (std::multiset<AppendStatus>{AppendStatus::stored, AppendStatus::duplicate}));
  }
  EXPECT_EQ(ask("SELECT count(*) FROM events"), "10");
  EXPECT_EQ(ask("SELECT sum(last_position - first_position + 1) FROM eventbus_outbox"), "10");
}

TEST_F(PostgresStore, KeepsItsConnectionsHoweverPagesEnd) {
  PostgresUnderTest one(loop, url());
  append_large(one);
  const auto read = [&] {
    EventQuery query;
    for (query.limit = 1; query.limit <= 81; query.limit *= 3)
      EXPECT_FALSE(run_on(loop, one.store().query(query)).events.empty());
    EXPECT_FALSE(run_on(loop, one.store().read_log(0, 256, "")).events.empty());
  };
  for (int times = 0; times < 2; ++times) read();  // learns how large events are, which may cost a session
  const auto before = one.sessions();
  for (int times = 0; times < 3; ++times) read();
  EXPECT_EQ(one.sessions(), before);
}

TEST_F(PostgresStore, APageOfLargeEventsIsCutAndGoesOn) {
  PostgresUnderTest one(loop, url());
  append_large(one);
  std::vector<EventDraft> drafts;
  drafts.reserve(120);
  for (int n = 80; n < 200; ++n) drafts.push_back(DraftBuilder{"e" + std::to_string(n)}.build());
  run_on(loop, one.store().append(one_request(std::move(drafts))));
  for (int times = 0; times < 2; ++times) {
    EventQuery query;
    query.limit = 100;
    std::vector<std::size_t> sizes;
    std::vector<std::string> ids;
    do {
      auto page = run_on(loop, one.store().query(query));
      sizes.push_back(page.events.size());
      for (auto& id : ids_of(page.events)) ids.push_back(std::move(id));
      query.cursor = page.next;
    } while (query.cursor);
    EXPECT_THAT(sizes, ElementsAre(32, 32, 100, 36)) << "full in bytes, full in events, the rest";
    EXPECT_THAT(ids, SizeIs(200));
    EXPECT_EQ(std::set(ids.begin(), ids.end()).size(), 200u);
  }
}

TEST_F(PostgresStore, KeepsWhatTheBrokerMayNotHaveUntilItIsRemoved) {
  PostgresUnderTest one(loop, url());
  auto requests = one_request({DraftBuilder{"a"}.build(), DraftBuilder{"b"}.build()});
  run_on(loop, one.store().append(std::move(requests)));
  append(one, "a");
  append(one, "c");
  const auto pending = run_on(loop, one.store().advance({}, 10));
  ASSERT_THAT(pending, SizeIs(2));
  const std::vector<Position> asked{pending[0].first - 1, pending[0].first, pending[0].last, pending[0].last + 1};
  EXPECT_THAT(run_on(loop, one.store().held(asked)), UnorderedElementsAre(pending[0].first, pending[0].last));
  EXPECT_EQ(pending[0].last - pending[0].first, 1);
  EXPECT_THAT(ids_of(run_on(loop, one.store().read(pending))), ElementsAre("a", "b", "c"));
  EXPECT_THAT(run_on(loop, one.store().advance({}, 1)), SizeIs(1));
  EXPECT_EQ(run_on(loop, one.store().stats()).pending_events, 3);
  run_on(loop, one.store().advance({pending[0]}, 0));
  run_on(loop, one.store().advance({pending[0]}, 0));
  EXPECT_THAT(ids_of(run_on(loop, one.store().read(run_on(loop, one.store().advance({}, 10))))), ElementsAre("c"));
  run_on(loop, one.store().advance(pending, 0));
  EXPECT_FALSE(run_on(loop, one.store().stats()).oldest);
}

TEST_F(PostgresStore, GoesOnAbovePositionsOfAnotherCluster) {
  {
    PostgresUnderTest one(loop, url());
    append(one, "before");
  }
  ask("UPDATE eventbus_log SET system_identifier = 1; UPDATE events SET position = 9000000000000000");
  PostgresUnderTest one(loop, url());
  EXPECT_GT(append(one, "after").event.position, 9000000000000000);
}

TEST_F(PostgresStore, TakesOverATableOfAnEarlierServiceWhileItIsUsed) {
  ask(R"sql(
    CREATE TABLE events (event_id VARCHAR PRIMARY KEY, timestamp TIMESTAMPTZ NOT NULL, event_type VARCHAR NOT NULL,
                         payload JSONB NOT NULL, created_at TIMESTAMPTZ DEFAULT NOW());
    CREATE INDEX idx_events_timestamp ON events (timestamp);
    INSERT INTO events SELECT 'old' || n, '2020-01-01'::timestamptz + n * interval '1 second', 'user.created',
      jsonb_build_object('n', n), '2020-01-02'::timestamptz + n * interval '1 second' FROM generate_series(1, 1050) n)sql");
  PostgresUnderTest one(loop, url());
  PostgresUnderTest two(loop, url());
  EXPECT_EQ(append(one, "old7").status, AppendStatus::conflict);
  const auto fresh = append(one, "new");
  EXPECT_GE(fresh.event.position, postgres_store::first_base);
  auto other = asio::co_spawn(loop, two.store().take_over(), asio::use_future);
  run_on(loop, one.store().take_over());
  other.get();
  EXPECT_EQ(ask("SELECT string_agg(position::text, ',' ORDER BY position) FROM events WHERE position < 4"), "1,2,3");
  EXPECT_EQ(ask("SELECT count(*) FROM events WHERE position IS NULL"), "0");
  EXPECT_EQ(ask("SELECT event_id FROM events WHERE position = 1050"), "old1050");
  for (const auto& index : postgres_store::event_indexes())
    EXPECT_EQ(ask("SELECT indisvalid FROM pg_index WHERE indexrelid = '" + std::string(index.name) + "'::regclass"),
              "t");
  const auto page = run_on(loop, one.store().read_log(1048, 10, ""));
  EXPECT_THAT(ids_of(page.events), ElementsAre("old1049", "old1050", "new"));
  EXPECT_EQ(run_on(loop, one.store().get("old3"))->event->payload, R"({"n":3})");
}

TEST_F(PostgresStore, NamesWhatKeepsItFromTakingATableOver) {
  ask("CREATE TABLE events (event_id UUID, timestamp TIMESTAMPTZ NOT NULL, event_type TEXT NOT NULL, payload JSON)");
  const auto refusal = [this] {
    try {
      PostgresUnderTest one(loop, url());
    } catch (const postgres::ServerError& error) {
      EXPECT_TRUE(error.lasting());
      return std::string(error.what());
    }
    return std::string("taken over");
  };
  EXPECT_THAT(refusal(), HasSubstr("column event_id is uuid where character varying is needed"));
  ask("ALTER TABLE events ALTER event_id TYPE VARCHAR");
  EXPECT_THAT(refusal(), HasSubstr("column payload is json where jsonb is needed"));
  ask("ALTER TABLE events ALTER payload TYPE JSONB");
  EXPECT_THAT(refusal(), HasSubstr("no column created_at"));
  ask("ALTER TABLE events ADD created_at TIMESTAMPTZ, ADD tenant VARCHAR NOT NULL");
  EXPECT_THAT(refusal(), HasSubstr("no primary key on event_id"));
  ask("ALTER TABLE events ADD PRIMARY KEY (event_id)");
  EXPECT_THAT(refusal(), HasSubstr("column tenant is NOT NULL without a default"));
  ask("ALTER TABLE events ALTER tenant SET DEFAULT 'none'");
  EXPECT_EQ(refusal(), "taken over");
}

class PostgresStoreAlone : public testing::Test {
 protected:
  TestServer server{{"fsync=on"}};
  asio::io_context loop;
};

struct Writing {
  bool stopped = false;
  std::vector<std::string> answered;
  int failures = 0;
};

asio::awaitable<void> write_until_stopped(PostgresEventStore& store, Writing& writing) {
  for (int number = 0; !writing.stopped; ++number) {
    const auto id = "e" + std::to_string(number);
    auto requests = one_request({DraftBuilder{id}.build()});
    const auto failed_before = writing.failures;
    try {
      co_await store.append(std::move(requests));
      writing.answered.push_back(id);
    } catch (const Unavailable&) {
      ++writing.failures;
    }
    // What fails at once must not keep the loop.
    if (writing.failures > failed_before) co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
  }
}

TEST_F(PostgresStoreAlone, KeepsWhatItAnsweredWhenTheServerIsKilledAndGoesOnWhenItIsBack) {
  PostgresUnderTest one(loop, server.url(), std::chrono::milliseconds{2000});
  Writing writing;
  TaskGroup tasks(loop.get_executor());
  tasks.spawn("write", write_until_stopped(one.store(), writing));
  loop.restart();
  const auto answered_more = [&](std::size_t count) {
    const auto enough = writing.answered.size() + count;
    run_until(loop, "answers", [&] { return writing.answered.size() >= enough; });
  };
  for (int round = 1; round <= 3; ++round) {
    answered_more(20);
    server.kill();
    run_until(loop, "a failure", [&] { return writing.failures >= round; });
    server.start();
  }
  answered_more(20);
  writing.stopped = true;
  run_to_end(loop, "what is going on");
  for (const auto& id : writing.answered) EXPECT_TRUE(run_on(loop, one.store().get(id))) << id;
}

TEST_F(PostgresStoreAlone, FailsInTimeWhileTheServerHangs) {
  PostgresUnderTest one(loop, server.url(), std::chrono::seconds{2});
  server.freeze();
  auto requests = one_request({DraftBuilder{"a"}.build()});
  auto asked = requests;
  EXPECT_THROW(run_on(loop, one.store().append(std::move(asked))), Unavailable);
  server.thaw();
  std::optional<AppendStatus> status;
  for (const Wait wait("the append to be answered"); !status; wait.go_on()) {
    try {
      auto again = requests;
      status = run_on(loop, one.store().append(std::move(again))).front().front().status;
    } catch (const Unavailable& error) {
      EXPECT_STRNE(error.what(), "");
    }
  }
  EXPECT_TRUE(run_on(loop, one.store().get("a")));
}

}  // namespace
}  // namespace eventbus
