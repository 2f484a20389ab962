#include "eventbus/sqlite/database.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <csignal>
#include <cstdlib>
#include <fstream>

#include "eventbus/core/error.hpp"
#include "eventbus/runtime/task_group.hpp"
#include "eventbus/sqlite/data_directory.hpp"
#include "eventbus/testing/waiting.hpp"

namespace eventbus::sqlite {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

class DatabaseTest : public testing::Test {
 public:
  DatabaseTest() {
    std::string name = testing::TempDir() + "eventbus-sqlite-XXXXXX";
    directory = mkdtemp(name.data());
  }
  ~DatabaseTest() override { std::filesystem::remove_all(directory); }

  std::unique_ptr<Database> open() {
    auto database = std::make_unique<Database>(loop.get_executor(), DatabaseSettings{.directory = directory});
    database->migrate("test", {"CREATE TABLE numbers (n INTEGER PRIMARY KEY)"});
    return database;
  }
  void run(asio::awaitable<void> task) {
    TaskGroup tasks(loop.get_executor());
    tasks.spawn("test", std::move(task));
    run_to_end(loop, "all that goes on");
  }
  void scribble(std::uintmax_t offset) const {
    std::fstream file(directory / "eventbus.db", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(offset));
    file << std::string(4096, 'x');
  }

  asio::io_context loop;
  std::filesystem::path directory;
};

asio::awaitable<void> insert(Database& database, int number, std::vector<std::string>& outcomes) {
  auto job = [number](Connection& connection) {
    connection.prepare("INSERT INTO numbers VALUES (?1)").bind(1, std::int64_t{number}).run();
  };
  try {
    co_await database.write(job);
    outcomes.emplace_back("ok");
  } catch (const Unavailable& error) {
    outcomes.emplace_back(error.what());
  }
}

asio::awaitable<void> count(Database& database, std::int64_t& result) {
  auto job = [](Connection& connection) { return connection.query_integer("SELECT count(*) FROM numbers"); };
  result = co_await database.read(job);
}

TEST_F(DatabaseTest, WritesAreVisibleToReadersAndSurviveReopening) {
  std::vector<std::string> outcomes;
  auto database = open();
  for (int number = 0; number < 100; ++number) {
    asio::co_spawn(loop, insert(*database, number, outcomes), asio::detached);
  }
  run_to_end(loop, "all that goes on");
  EXPECT_THAT(outcomes, testing::Each("ok"));
  std::int64_t rows = 0;
  run(count(*database, rows));
  EXPECT_EQ(rows, 100);
  database.reset();
  database = open();
  run(count(*database, rows));
  EXPECT_EQ(rows, 100);
}

TEST_F(DatabaseTest, AFailingJobRollsBackItsGroupAndTheNextWriteWorks) {
  auto database = open();
  std::vector<std::string> outcomes;
  run(insert(*database, 1, outcomes));
  run(insert(*database, 1, outcomes));
  ASSERT_EQ(outcomes.size(), 2u);
  EXPECT_THAT(outcomes[1], HasSubstr("UNIQUE"));
  run(insert(*database, 2, outcomes));
  EXPECT_EQ(outcomes.back(), "ok");
}

TEST_F(DatabaseTest, TheDirectoryBelongsToOneProcess) {
  auto database = open();
  const auto second = [this] { const DataDirectory directory_again(directory); };
  EXPECT_THAT(second, ThrowsMessage<std::runtime_error>(AllOf(
                          HasSubstr("in use by process " + std::to_string(getpid())), HasSubstr("EVENTBUS_DATA_DIR"))));
}

TEST_F(DatabaseTest, ADirectoryThatCannotBeMadeIsNamed) {
  const auto impossible = [] { const DataDirectory nowhere("/proc/nowhere"); };
  EXPECT_THAT(impossible, ThrowsMessage<std::runtime_error>(HasSubstr("/proc/nowhere")));
}

TEST_F(DatabaseTest, AFileThatIsNoDatabaseIsRefused) {
  std::ofstream(directory / "eventbus.db") << std::string(8192, 'x');
  const auto reopen = [this] { open(); };
  EXPECT_THAT(reopen, ThrowsMessage<DamagedDatabase>(HasSubstr("Restore it from a backup")));
}

TEST_F(DatabaseTest, ADamagedPageIsFoundAtTheStart) {
  auto database = open();
  std::vector<std::string> outcomes;
  for (int number = 0; number < 5000; ++number)
    asio::co_spawn(loop, insert(*database, number, outcomes), asio::detached);
  run_to_end(loop, "all that goes on");
  database.reset();
  scribble(std::filesystem::file_size(directory / "eventbus.db") - 16384);
  const auto reopen = [this] { open(); };
  EXPECT_THAT(reopen, ThrowsMessage<DamagedDatabase>(HasSubstr("is damaged")));
}

TEST_F(DatabaseTest, ADatabaseOfAnotherProgramIsRefused) {
  Connection(directory / "eventbus.db", OpenMode::read_write).execute("CREATE TABLE theirs (x)");
  const auto reopen = [this] { open(); };
  EXPECT_THAT(reopen, ThrowsMessage<DamagedDatabase>(HasSubstr("another program")));
}

TEST_F(DatabaseTest, MigrationsRunOnceAndANewerFileIsRefused) {
  {
    auto database = open();
    database->migrate("test", {"CREATE TABLE numbers (n INTEGER PRIMARY KEY)", "CREATE TABLE later (n)"});
    database->migrate("test", {"CREATE TABLE numbers (n INTEGER PRIMARY KEY)", "CREATE TABLE later (n)"});
  }
  const auto older = [this] { open(); };
  EXPECT_THAT(older, ThrowsMessage<DamagedDatabase>(HasSubstr("newer version")));
}

TEST_F(DatabaseTest, AFailedMigrationLeavesNothingBehind) {
  auto database = open();
  const auto broken = [&] { database->migrate("other", {"CREATE TABLE fine (n)", "CREATE TABLE broken ("}); };
  EXPECT_ANY_THROW(broken());
  database->migrate("other", {"CREATE TABLE fine (n)"});
}

asio::awaitable<void> execute(Database& database, std::string sql) {
  auto job = [&sql](Connection& connection) { connection.execute(sql); };
  co_await database.write(job);
}

asio::awaitable<void> fill(Database& database, std::string& failure) {
  auto job = [](Connection& connection) { connection.execute("INSERT INTO filler VALUES (zeroblob(1000000))"); };
  try {
    co_await database.write(job);
  } catch (const Unavailable& error) {
    failure = error.what();
  }
}

TEST_F(DatabaseTest, AFullFileRefusesWritesAndRecovers) {
  auto database = open();
  std::vector<std::string> outcomes;
  run(insert(*database, 1, outcomes));
  run(execute(*database, "CREATE TABLE filler (x); PRAGMA max_page_count = 8"));
  std::string failure;
  run(fill(*database, failure));
  EXPECT_THAT(failure, HasSubstr("disk is full"));
  run(execute(*database, "PRAGMA max_page_count = 1000000"));
  failure.clear();
  run(fill(*database, failure));
  EXPECT_EQ(failure, "");
}

asio::awaitable<void> insert_for_ever(Database& database) {
  std::vector<std::string> outcomes;
  for (int number = 0;; ++number) co_await insert(database, number, outcomes);
}

TEST_F(DatabaseTest, CommittedWritesSurviveAKill) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  setenv("EVENTBUS_TEST_DIRECTORY", directory.c_str(), 0);  // The child, a process of its own, inherits it.
  const auto die_after_three_commits = [this] {
    setenv("EVENTBUS_CRASH_POINT", "store.after_commit:3", 1);
    directory = getenv("EVENTBUS_TEST_DIRECTORY");
    auto database = open();
    run(insert_for_ever(*database));
  };
  EXPECT_EXIT(die_after_three_commits(), testing::KilledBySignal(SIGKILL), "");
  unsetenv("EVENTBUS_TEST_DIRECTORY");
  auto database = open();
  std::int64_t rows = 0;
  run(count(*database, rows));
  EXPECT_EQ(rows, 3);
}

}  // namespace
}  // namespace eventbus::sqlite
