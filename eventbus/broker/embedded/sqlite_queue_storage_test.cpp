#include "eventbus/broker/embedded/sqlite_queue_storage.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eventbus/broker/embedded/embedded_under_test.hpp"
#include "eventbus/broker/embedded/queue_schema.hpp"

namespace eventbus::embedded {
namespace {

using std::chrono::microseconds;

Timestamp at(std::int64_t count) {
  return Timestamp{microseconds{count}};
}

/// A file as versions wrote it in which an entry was named by its position.
struct FileOfBefore {
  FileOfBefore() { write(); }

  void write() {
    sqlite::Database database(loop.get_executor(), settings);
    auto steps = queue_schema();
    steps.resize(2);
    database.migrate("broker", steps);
    std::string definition;
    QueueDefinition queue;
    queue.name = "q";
    queue.bindings = {{"events", "#"}};
    append_queue_definition(definition, queue);
    auto& connection = database.startup_connection();
    for (const std::string sql :
         {"INSERT INTO queues (id, name, declared_at) VALUES (7, 'q', 3)",
          "INSERT INTO queue_progress VALUES (7, 9, 9, 0, x'')",
          "INSERT INTO outstanding VALUES (7, 4, 1000, 55, 2, 5000, 1100, 1200, 1300), (7, 6, 1010, 0, 1, 0, 0, 0, 0)",
          "INSERT INTO dead_letters VALUES (7, 5, 'rejected', 1, 1200, 1200)"})
      connection.prepare(sql).run();
    connection.prepare("INSERT INTO queue_definitions VALUES (7, 0, ?1)").bind(1, definition).run();
  }
  std::vector<StoredQueue> load(SqliteQueueStorage& storage) {
    return result_of(loop, asio::co_spawn(loop, storage.load(), asio::use_future), "the queues");
  }

  const TemporaryFolder folder;
  asio::io_context loop;
  const sqlite::DatabaseSettings settings{folder.path()};
};

TEST(SqliteQueueStorage, TakesOverWhatIsNamedByPositions) {
  FileOfBefore file;
  sqlite::Database database(file.loop.get_executor(), file.settings);
  SqliteQueueStorage storage(database);
  const auto queues = file.load(storage);
  ASSERT_EQ(queues.size(), 1U);
  EXPECT_EQ(queues[0].declared_at, 3);
  EXPECT_EQ(queues[0].declared_time, Timestamp{});
  EXPECT_EQ(queues[0].dead_letters, 1U);
  ASSERT_EQ(queues[0].rows.size(), 2U);
  const auto& row = queues[0].rows[0];
  EXPECT_EQ(row.event, (Routed{4, at(1000), 55}));
  EXPECT_EQ(row.seat, seat_of(row.event));
  EXPECT_EQ(row.attempt, 2U);
  EXPECT_EQ(row.due, at(5000));
  EXPECT_EQ(row.first_attempt_at, at(1100));
  EXPECT_EQ(row.first_failed_at, at(1200));
  EXPECT_EQ(row.last_failed_at, at(1300));
  EXPECT_EQ(queues[0].rows[1].seat.entry, 6);
  EXPECT_FALSE(database.startup_connection()
                   .prepare("SELECT 1 FROM sqlite_master WHERE name LIKE 'outstanding%' AND name <> 'outstanding'")
                   .step());
}

TEST(SqliteQueueStorage, IsTakenOverOnce) {
  FileOfBefore file;
  for (int time = 0; time < 2; ++time) {
    sqlite::Database database(file.loop.get_executor(), file.settings);
    SqliteQueueStorage storage(database);
    const auto queues = file.load(storage);
    ASSERT_EQ(queues.size(), 1U);
    EXPECT_EQ(queues[0].rows.size(), 2U);
  }
  EXPECT_THROW(file.write(), sqlite::DamagedDatabase) << "a version of before refuses it";
}

TEST(SqliteQueueStorage, NoEntryIsOverwrittenByARedrivenOneOfItsName) {
  FileOfBefore file;
  sqlite::Database database(file.loop.get_executor(), file.settings);
  SqliteQueueStorage storage(database);
  const OutstandingRow row{.event = {5, at(2000), 0}, .seat = {{9, 1}, 6}};
  auto revived = asio::co_spawn(file.loop, storage.revive(7, {row}), asio::use_future);
  EXPECT_EQ(result_of(file.loop, std::move(revived), "the row").size(), 0U);
  const auto queues = file.load(storage);
  EXPECT_EQ(queues[0].rows.size(), 2U);
  EXPECT_EQ(queues[0].rows[1].event.position, 6);
  EXPECT_EQ(queues[0].dead_letters, 1U) << "nor is the dead letter gone";
}

}  // namespace
}  // namespace eventbus::embedded
