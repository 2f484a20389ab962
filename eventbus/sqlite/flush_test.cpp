#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <condition_variable>
#include <filesystem>
#include <future>
#include <mutex>

#include "eventbus/runtime/task_group.hpp"
#include "eventbus/sqlite/database.hpp"
#include "eventbus/testing/waiting.hpp"

namespace eventbus::sqlite {
namespace {

/// The disk of this program's flushes.
class HeldDisk {
 public:
  void hold() {
    const std::scoped_lock lock(mutex_);
    held_ = true;
    arrived_ = false;
  }
  void release() {
    const std::scoped_lock lock(mutex_);
    held_ = false;
    changed_.notify_all();
  }
  bool wait_for_flush() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds{60}, [this] { return arrived_; });
  }
  void flushing() {
    std::unique_lock lock(mutex_);
    arrived_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !held_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
  bool arrived_ = false;
};

HeldDisk& disk() {
  static HeldDisk one;
  return one;
}

}  // namespace
}  // namespace eventbus::sqlite

/// Instead of the C library's, for this whole program.
extern "C" int fdatasync(int file) {
  eventbus::sqlite::disk().flushing();
  return static_cast<int>(syscall(SYS_fdatasync, file));
}

namespace eventbus::sqlite {
namespace {

class FlushTest : public testing::Test {
 public:
  ~FlushTest() override {
    disk().release();
    database.reset();
    std::filesystem::remove_all(directory);
  }

 protected:
  FlushTest() {
    std::string name = testing::TempDir() + "eventbus-flush-XXXXXX";
    directory = mkdtemp(name.data());
    database = std::make_unique<Database>(loop.get_executor(), DatabaseSettings{.directory = directory});
    database->migrate("test", {"CREATE TABLE notes (n INTEGER PRIMARY KEY)"});
    run_all([this] { tasks.spawn("write", write(1)); });  // begins the log, which SQLite flushes itself
  }

  template <class Start>
  void run_all(Start start) {
    start();
    loop.restart();
    run_to_end(loop, "what reads and writes");
  }

  asio::awaitable<void> write(int number) {
    auto job = [number](Connection& connection) {
      connection.prepare("INSERT INTO notes VALUES (?1)").bind(1, std::int64_t{number}).run();
    };
    co_await database->write(job);
    outcomes.emplace_back("written");
  }

  asio::awaitable<void> read(std::promise<void>& has_run) {
    auto job = [&has_run](Connection& connection) {
      const auto rows = connection.query_integer("SELECT count(*) FROM notes");
      has_run.set_value();
      return rows;
    };
    const auto rows = co_await database->read(job);
    outcomes.push_back("read " + std::to_string(rows));
  }

  asio::io_context loop;
  std::filesystem::path directory;
  std::unique_ptr<Database> database;
  TaskGroup tasks{loop.get_executor()};
  std::vector<std::string> outcomes;
};

TEST_F(FlushTest, NobodyIsToldWhatIsNotOnDisk) {
  outcomes.clear();
  disk().hold();
  tasks.spawn("write", write(2));
  loop.restart();
  loop.poll();
  ASSERT_TRUE(disk().wait_for_flush()) << "the flush did not begin within a minute";
  std::promise<void> first;
  std::promise<void> second;
  tasks.spawn("read", read(first));
  tasks.spawn("read", read(second));
  loop.poll();
  for (auto* has_run : {&first, &second})
    ASSERT_EQ(has_run->get_future().wait_for(test_patience), std::future_status::ready) << "the reader did not run";
  loop.run_for(std::chrono::milliseconds{200});
  EXPECT_TRUE(outcomes.empty()) << outcomes.front() << " before it was on disk";
  disk().release();
  run_to_end(loop, "one write and two reads");
  EXPECT_EQ(outcomes, (std::vector<std::string>{"written", "read 2", "read 2"}));
}

TEST_F(FlushTest, AReadWaitsForNoFlushWhenNothingIsOnItsWay) {
  outcomes.clear();
  disk().hold();
  std::promise<void> has_run;
  run_all([&] { tasks.spawn("read", read(has_run)); });
  EXPECT_EQ(outcomes, (std::vector<std::string>{"read 1"}));
}

TEST_F(FlushTest, WhatADeadProcessLeftInTheLogIsFlushedAtTheStart) {
  const auto copy = directory / "copy";
  std::filesystem::create_directory(copy);
  for (const auto* name : {"eventbus.db", "eventbus.db-wal"}) std::filesystem::copy_file(directory / name, copy / name);
  disk().hold();
  auto opening = std::async(std::launch::async,
                            [&] { return std::make_unique<Database>(loop.get_executor(), DatabaseSettings{copy}); });
  EXPECT_TRUE(disk().wait_for_flush()) << "the flush did not begin within a minute";
  disk().release();
  opening.get().reset();
}

}  // namespace
}  // namespace eventbus::sqlite
