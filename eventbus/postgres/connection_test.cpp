#include "eventbus/postgres/connection.hpp"

#include <gmock/gmock.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include "eventbus/postgres/copy_encoder.hpp"
#include "eventbus/postgres/migrations.hpp"
#include "eventbus/postgres/testing/on_loop.hpp"
#include "eventbus/postgres/testing/test_server.hpp"

namespace eventbus::postgres {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using namespace std::chrono_literals;

class ConnectionTest : public testing::Test {
 public:
  std::unique_ptr<Connection> connect(const std::string& url, std::chrono::milliseconds patience = 30s) {
    auto settings = ConnectionSettings::parse(url).value();
    return run_on(loop,
                  Connection::connect(loop.get_executor(), settings, std::chrono::steady_clock::now() + patience));
  }
  std::string refusal(const std::string& url) {
    try {
      connect(url, 3s);
    } catch (const Unavailable& error) {
      return error.what();
    }
    return "connected";
  }
  std::vector<Rows> script(const std::string& sql) { return run_on(loop, connection->script(sql, soon())); }
  Rows execute(const Statement& statement) { return run_on(loop, connection->execute(statement, soon())); }
  std::string sqlstate_of(const std::string& sql, Deadline deadline = soon()) {
    try {
      run_on(loop, connection->script(sql, deadline));
    } catch (const ServerError& error) {
      return error.sqlstate();
    }
    return "";
  }

  asio::io_context loop;
  TestServer& server = TestServer::shared();
  const std::string home = server.create_database();
  std::unique_ptr<Connection> connection = connect(home);
};

TEST_F(ConnectionTest, GivesParametersToTheServerAndReadsBinaryResults) {
  const Timestamp time(std::chrono::microseconds(1'700'000'000'123'456));
  Statement statement(
      "SELECT $1::bigint + 1, $2::text, $3::timestamptz, $4::jsonb, $5::text IS NULL, $6::bigint[], 7::int, "
      "array_length($7::text[], 1), NULL::bigint, false, 'infinity'::timestamptz");
  statement.add(std::int64_t{-42})
      .add(std::string_view("é\"'\\"))
      .add(time)
      .add(std::string_view(R"({"a": 1})"))
      .add_optional("");
  statement.add(std::vector<std::int64_t>{1, 2}).add(std::vector<std::string_view>{"x", "y", "z"});
  const auto rows = execute(statement);
  ASSERT_EQ(rows.size(), 1);
  EXPECT_EQ(rows[0].integer(0), -41);
  EXPECT_EQ(rows[0].text(1), "é\"'\\");
  EXPECT_EQ(rows[0].time(2), time);
  EXPECT_EQ(rows[0].json(3), R"({"a": 1})");
  EXPECT_TRUE(rows[0].boolean(4));
  EXPECT_EQ(rows[0].integer(6), 7);
  EXPECT_EQ(rows[0].integer(7), 3);
  EXPECT_TRUE(rows[0].is_null(8));
  EXPECT_FALSE(rows[0].boolean(9));
  EXPECT_GT(rows[0].time(10), time);
  EXPECT_TRUE(connection->usable());
}

TEST_F(ConnectionTest, GivesArraysOfTimesAndBytes) {
  const Timestamp time(std::chrono::microseconds(1'700'000'000'123'456));
  Statement statement("SELECT t, b FROM unnest($1::timestamptz[], $2::bytea[]) AS pairs (t, b)");
  const std::string bytes("\xff\0'", 3);
  statement.add(std::vector<Timestamp>{time, Timestamp{}}).add_bytes({bytes, ""});
  const auto rows = execute(statement);
  ASSERT_EQ(rows.size(), 2);
  EXPECT_EQ(rows[0].time(0), time);
  EXPECT_EQ(rows[1].time(0), Timestamp{});
  EXPECT_EQ(rows[0].text(1), bytes);
  EXPECT_EQ(rows[1].text(1), "");
}

TEST_F(ConnectionTest, SendsSeveralStatementsAsOneTransaction) {
  script("CREATE TABLE numbers (n BIGINT PRIMARY KEY)");
  const auto insert = [](std::int64_t number) { return Statement("INSERT INTO numbers VALUES ($1)").add(number); };
  const auto results =
      run_on(loop, connection->execute_all({insert(1), insert(2), Statement("SELECT count(*) FROM numbers")}, soon()));
  ASSERT_EQ(results.size(), 3u);
  EXPECT_EQ(results[0].affected(), 1);
  EXPECT_EQ(results[2][0].integer(0), 2);
  EXPECT_THROW(run_on(loop, connection->execute_all({insert(3), insert(1), insert(4)}, soon())), ServerError);
  EXPECT_TRUE(connection->usable());
  EXPECT_EQ(execute(Statement("SELECT count(*) FROM numbers"))[0].integer(0), 2);
}

TEST_F(ConnectionTest, AStatementThatCanNotBePreparedIsForgotten) {
  EXPECT_THROW(execute(Statement("SELECT * FROM later")), ServerError);
  script("CREATE TABLE later (n BIGINT)");
  EXPECT_EQ(execute(Statement("SELECT * FROM later")).size(), 0);
}

TEST_F(ConnectionTest, KeepsABoundedNumberOfPreparedStatements) {
  for (int n = 0; n < 300; ++n) EXPECT_EQ(execute(Statement("SELECT " + std::to_string(n)))[0].integer(0), n);
  EXPECT_LE(execute(Statement("SELECT count(*) FROM pg_prepared_statements"))[0].integer(0), 202);
}

TEST_F(ConnectionTest, CopiesMoreThanTheSocketTakesAtOnce) {
  script("CREATE TABLE blobs (n BIGINT, t TEXT, b BYTEA, at TIMESTAMPTZ, j JSONB)");
  CopyEncoder encoder(5);
  const std::string large(100'000, 'x');
  for (std::int64_t n = 0; n < 100; ++n) {
    encoder.begin_row();
    encoder.add(n);
    encoder.add_optional(n % 2 == 0 ? large : "");
    encoder.add_bytes(std::string("\0\1", 2));
    encoder.add(Timestamp{});
    encoder.add_json(R"({"a": [1.50]})");
  }
  const auto before =
      run_on(loop, connection->begin_copy("BEGIN; SELECT 7; COPY blobs FROM STDIN (FORMAT binary); COMMIT", soon()));
  EXPECT_EQ(before.at(1)[0].integer(0), 7);
  EXPECT_FALSE(connection->usable());
  const auto after = run_on(loop, connection->finish_copy(encoder.take(), soon()));
  EXPECT_EQ(after.at(0).affected(), 100);
  EXPECT_TRUE(connection->usable());
  const auto rows =
      execute(Statement("SELECT sum(length(t)), count(*) FILTER (WHERE b = '\\x0001' AND at = 'epoch' AND j = "
                        "'{\"a\":[1.5]}') FROM blobs"));
  EXPECT_EQ(rows[0].text(1), std::string("\0\0\0\0\0\0\0\x64", 8));
}

TEST_F(ConnectionTest, StreamsRowsAndMayStop) {
  int seen = 0;
  const Connection::RowSink count = [&seen](const Row& row) { return row.integer(0) == ++seen; };
  const Statement statement("SELECT generate_series(1, 20000)::bigint");
  run_on(loop, connection->each_row(statement, count, soon()));
  EXPECT_EQ(seen, 20'000);
  EXPECT_TRUE(connection->usable());
  const Connection::RowSink stop = [](const Row&) { return false; };
  run_on(loop, connection->each_row(statement, stop, soon()));
  EXPECT_TRUE(connection->usable());
  run_on(loop,
         connection->each_row(Statement("SELECT repeat('x', 1000000) FROM generate_series(1, 20)"), stop, soon()));
  EXPECT_FALSE(connection->usable()) << "a new connection is cheaper than reading all that";
  EXPECT_THAT(connection->trouble(), IsEmpty());
}

/// As a session of HTTP, which looks itself whether its client has left.
asio::awaitable<void> sleep_undisturbed(Connection& connection) {
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await connection.execute(Statement("SELECT pg_sleep(0.05)"), soon());
}

TEST_F(ConnectionTest, AnOperationThatHasBegunIsNotCancelled) {
  asio::cancellation_signal leave;
  auto asked = asio::co_spawn(loop, sleep_undisturbed(*connection),
                              asio::bind_cancellation_slot(leave.slot(), asio::use_future));
  asio::post(loop, [&leave] { leave.emit(asio::cancellation_type::terminal); });
  EXPECT_NO_THROW(result_of(loop, std::move(asked), "an operation that has begun"));
  EXPECT_TRUE(connection->usable());
  EXPECT_THAT(connection->trouble(), IsEmpty());
}

TEST_F(ConnectionTest, ReturnsAllRowsAfterAnotherStatementStreamedItsOwn) {
  const Connection::RowSink ignore = [](const Row&) { return true; };
  const Statement statement("SELECT generate_series(1, 3)::bigint");
  for (int round = 0; round < 2; ++round) {
    run_on(loop, connection->each_row(statement, ignore, soon()));
    EXPECT_EQ(run_on(loop, connection->execute(statement, soon())).size(), 3);
  }
}

TEST_F(ConnectionTest, AnErrorInsideATransactionIsRolledBack) {
  EXPECT_EQ(sqlstate_of("BEGIN; SELECT 1/0; COMMIT"), "22012");
  EXPECT_FALSE(connection->usable());
  run_on(loop, connection->roll_back(soon()));
  EXPECT_TRUE(connection->usable());
}

TEST_F(ConnectionTest, NamesWhatTheServerRefuses) {
  script("CREATE ROLE visitor; CREATE TABLE secrets (n INT)");
  EXPECT_EQ(sqlstate_of("SET ROLE visitor; SELECT * FROM secrets"), "42501");
  EXPECT_EQ(sqlstate_of("RESET ROLE; SET transaction_read_only = on; CREATE TABLE x ()"), "25006");
  EXPECT_EQ(sqlstate_of("SET statement_timeout = 1; SELECT pg_sleep(60)"), "57014");
  EXPECT_TRUE(connection->usable());
}

TEST_F(ConnectionTest, NoAnswerByTheDeadlineLosesTheConnection) {
  EXPECT_EQ(sqlstate_of("SELECT pg_sleep(600)", std::chrono::steady_clock::now() + 50ms), "08006");
  EXPECT_FALSE(connection->usable());
}

TEST_F(ConnectionTest, SaysWhyItCanNotConnect) {
  EXPECT_THAT(refusal(server.locked_url("s3cret")),
              AllOf(HasSubstr("password authentication failed"), HasSubstr("(28P01)"),
                    HasSubstr("Check user and password in DATABASE_URL."), testing::Not(HasSubstr("s3cret"))));
  EXPECT_EQ(refusal(server.locked_url("right")), "connected");
  EXPECT_THAT(refusal(server.tcp_url("nowhere")),
              AllOf(HasSubstr("\"nowhere\" does not exist (3D000)"), HasSubstr("Create the database")));
  EXPECT_THAT(refusal("postgresql://u@127.0.0.1:1/d"),
              AllOf(HasSubstr("Connection refused"), HasSubstr("Is the server running")));
  EXPECT_THAT(refusal("postgresql://u@host.invalid/d"), AllOf(HasSubstr("host.invalid"), HasSubstr("DATABASE_URL")));
}

TEST_F(ConnectionTest, CommitsAreDurableWhereTheServerWouldNotCare) {
  const auto url = server.create_database();
  const auto level_with = [&](const std::string& set) {
    TestServer::ask(url, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = " + set +
                             "', current_database()); END $$");
    return TestServer::ask(url, "SHOW synchronous_commit");
  };
  EXPECT_EQ(level_with("off"), "on");
  EXPECT_EQ(level_with("local"), "local");
  EXPECT_EQ(level_with("remote_apply"), "remote_apply");
}

TEST_F(ConnectionTest, PlansForTablesThatGrow) {
  execute(Statement("CREATE TABLE growing (n BIGINT PRIMARY KEY)"));
  const auto plan_of = [this](const std::string& sql) {
    const auto plan = execute(Statement("EXPLAIN ANALYZE " + sql));
    std::string text;
    for (int row = 0; row < plan.size(); ++row) text += std::string(plan[row].text(0)) + "\n";
    return text;
  };
  EXPECT_THAT(plan_of("SELECT * FROM unnest('{1}'::bigint[]) wanted JOIN growing ON n BETWEEN wanted AND wanted + 9"),
              AllOf(HasSubstr("growing_pkey"), Not(HasSubstr("Seq Scan"))));
  execute(Statement("CREATE TABLE unindexed (n BIGINT)"));
  EXPECT_THAT(plan_of("SELECT * FROM unindexed"), Not(HasSubstr("JIT")));
}

TEST_F(ConnectionTest, TriesTheNextHost) {
  EXPECT_EQ(refusal("postgresql://postgres@host.invalid:1,127.0.0.1:1,localhost:" + std::to_string(server.port()) +
                    "/postgres"),
            "connected");
}

TEST_F(ConnectionTest, NoticesThatTheServerHungUp) {
  EXPECT_TRUE(connection->alive());
  const auto pid = execute(Statement("SELECT pg_backend_pid()"))[0].integer(0);
  TestServer::ask(server.url(), "SELECT pg_terminate_backend(" + std::to_string(pid) + ")");
  wait_until("the end of the session", [this] { return !connection->alive(); });
  EXPECT_FALSE(connection->usable());
}

asio::awaitable<void> migrate_twice(Connection& connection) {
  const std::vector<std::string_view> first{"CREATE TABLE one (n INT)"};
  const std::vector<std::string_view> second{"CREATE TABLE one (n INT)", "CREATE TABLE two (n INT)"};
  co_await migrate(connection, "test", first, soon());
  co_await migrate(connection, "test", second, soon());
  co_await migrate(connection, "test", first, soon());
}

TEST_F(ConnectionTest, HearsOfNotifications) {
  const auto wait = [this](Deadline deadline) { return run_on(loop, connection->wait_notified(deadline)); };
  script("LISTEN test");
  EXPECT_FALSE(wait(std::chrono::steady_clock::now()));
  script("SELECT pg_notify('test', 'with an answer')");
  EXPECT_TRUE(wait(soon()));
  TestServer::ask(home, "SELECT pg_notify('test', ''), pg_notify('test', '2')");
  EXPECT_TRUE(wait(soon()));
  EXPECT_FALSE(wait(std::chrono::steady_clock::now()));
  EXPECT_TRUE(connection->usable());
}

TEST_F(ConnectionTest, EndsAWaitForNotifications) {
  auto heard = asio::co_spawn(loop, connection->wait_notified(Deadline::max()), asio::use_future);
  asio::post(loop, [this] { connection->end_wait(); });
  run_to_end(loop, "what is going on");
  EXPECT_FALSE(heard.get());
  EXPECT_TRUE(connection->usable());
}

TEST_F(ConnectionTest, EndsAWaitForNotificationsWithTheSession) {
  auto heard = asio::co_spawn(loop, connection->wait_notified(soon()), asio::use_future);
  TestServer::ask(home,
                  "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND "
                  "datname = current_database()");
  run_to_end(loop, "what is going on");
  EXPECT_THROW(heard.get(), ServerError);
  EXPECT_FALSE(connection->usable());
}

TEST_F(ConnectionTest, MigratesEachStepOnce) {
  run_on(loop, migrate_twice(*connection));
  EXPECT_EQ(execute(Statement("SELECT version FROM eventbus_schema_versions WHERE component = 'test'"))[0].integer(0),
            2);
}

TEST_F(ConnectionTest, AFailedMigrationLeavesNothingBehind) {
  EXPECT_THROW(run_on(loop, migrate(*connection, "test", {"CREATE TABLE one (n INT)", "CREATE TABLE one ("}, soon())),
               ServerError);
  EXPECT_TRUE(connection->usable());
  EXPECT_EQ(execute(Statement("SELECT count(*) FROM pg_tables WHERE tablename = 'one'"))[0].integer(0), 0);
}

TEST_F(ConnectionTest, SeveralInstancesMayMigrateAtOnce) {
  const auto url = server.create_database();
  std::vector<std::unique_ptr<Connection>> connections;
  std::vector<std::future<void>> outcomes;
  connections.reserve(8);
  outcomes.reserve(8);
  for (int n = 0; n < 8; ++n) connections.push_back(connect(url));
  for (auto& each : connections)
    outcomes.push_back(
        asio::co_spawn(loop, migrate(*each, "test", {"CREATE TABLE one (n INT)"}, soon()), asio::use_future));
  run_to_end(loop, "what is going on");
  for (auto& outcome : outcomes) EXPECT_NO_THROW(outcome.get());
}

}  // namespace
}  // namespace eventbus::postgres
