#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/detached.hpp>
#include <stdexcept>
#include <tuple>

#include "eventbus/broker/embedded/embedded_under_test.hpp"

namespace eventbus {
namespace {

using embedded::SqliteQueueStorage;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

/// A storage whose disk is full when the test says so.
class FailingStorage final : public embedded::QueueStorage {
 public:
  FailingStorage(sqlite::Database& database, const bool& full) : disk_(database), full_(full) {}

  asio::awaitable<std::vector<embedded::StoredQueue>> load() override { return disk_.load(); }
  asio::awaitable<std::int64_t> create(embedded::StoredQueue queue) override {
    check();
    return disk_.create(std::move(queue));
  }
  asio::awaitable<void> redefine(std::int64_t queue, QueueDefinition definition,
                                 std::vector<embedded::BindingEpoch> epochs) override {
    check();
    return disk_.redefine(queue, std::move(definition), std::move(epochs));
  }
  asio::awaitable<void> set_paused(std::int64_t queue, bool paused) override {
    check();
    return disk_.set_paused(queue, paused);
  }
  asio::awaitable<void> remove(std::int64_t queue) override {
    check();
    return disk_.remove(queue);
  }
  asio::awaitable<void> commit(std::int64_t queue, const embedded::QueueCommit& commit) override {
    check();
    return disk_.commit(queue, commit);
  }
  asio::awaitable<std::vector<delivery::DeadLetterRow>> dead_letters(std::int64_t queue, Position after,
                                                                     std::size_t limit,
                                                                     embedded::DeadLetterFilter filter) override {
    return disk_.dead_letters(queue, after, limit, std::move(filter));
  }
  asio::awaitable<std::uint64_t> count_dead_letters(std::int64_t queue, embedded::DeadLetterFilter filter) override {
    return disk_.count_dead_letters(queue, std::move(filter));
  }
  asio::awaitable<std::size_t> delete_dead_letters(std::int64_t queue, std::vector<Position> positions) override {
    check();
    return disk_.delete_dead_letters(queue, std::move(positions));
  }
  asio::awaitable<std::vector<delivery::OutstandingRow>> revive(std::int64_t queue,
                                                                std::vector<delivery::OutstandingRow> rows) override {
    check();
    return disk_.revive(queue, std::move(rows));
  }

 private:
  void check() const {
    if (full_) throw Unavailable("writing queues", "the disk is full");
  }
  SqliteQueueStorage disk_;
  const bool& full_;
};

bool disk_full = false;

std::unique_ptr<BrokerUnderTest> make_failing(asio::io_context& loop) {
  disk_full = false;
  return std::make_unique<EmbeddedUnderTest>(loop, BrokerSettings{}, [](sqlite::Database& database) {
    return std::make_unique<FailingStorage>(database, disk_full);
  });
}

class FailingDisk : public BrokerSuite {};

TEST_P(FailingDisk, LeavesDeliveriesInFlightWhenAnAcknowledgementFails) {
  declare(queue("q"));
  publish_many(3);
  const auto deliveries = receive("q");
  disk_full = true;
  EXPECT_THROW(ack("q", deliveries), Unavailable);
  EXPECT_THROW(nack("q", deliveries, {.requeue = false, .delay = {}, .reason = {}}), Unavailable);
  EXPECT_EQ(info("q").in_flight, 3u);
  EXPECT_EQ(info("q").dead_letters, 0u);
  disk_full = false;
  EXPECT_EQ(ack("q", deliveries).settled, 3u);
  EXPECT_EQ(info("q").in_flight, 0u);
  restart();
  EXPECT_THAT(receive("q"), IsEmpty());
}

TEST_P(FailingDisk, LeavesQueuesAsTheyWere) {
  declare(queue("q", "user.*"));
  publish();
  disk_full = true;
  EXPECT_THROW(declare(queue("new")), Unavailable);
  EXPECT_THROW(declare(queue("q", "order.*")), Unavailable);
  EXPECT_THROW(std::ignore = run(broker().purge("q")), Unavailable);
  EXPECT_THROW(std::ignore = run(broker().remove("q")), Unavailable);
  EXPECT_THROW(std::ignore = run(broker().set_paused("q", true)), Unavailable);
  publish();
  publish({.type = "order.created"});
  EXPECT_EQ(info("q").definition, queue("q", "user.*"));
  EXPECT_THAT(broker().last_known(), SizeIs(1));
  disk_full = false;
  EXPECT_EQ(event_ids(receive_all("q")), (Ids{"e1", "e2"}));
}

TEST_P(FailingDisk, TriesBackgroundWorkAgainWhenThereIsSpace) {
  auto definition = queue("q");
  definition.lease = Millis{1000};
  declare(definition);
  publish();
  const auto delivery = receive("q");
  disk_full = true;
  pass(Millis{1100});
  EXPECT_EQ(info("q").in_flight, 1u);
  disk_full = false;
  pass(Millis{1100});
  EXPECT_EQ(receive("q").at(0).attempt, 2u);
}

TEST_P(FailingDisk, KeepsDeadLettersThatCouldNotBeRedriven) {
  declare(queue("q"));
  publish();
  nack("q", receive("q"), {.requeue = false, .delay = {}, .reason = {}});
  disk_full = true;
  const DeadLetterSelection all{.event_ids = {}, .reason = {}, .all = true};
  EXPECT_THROW(std::ignore = run(broker().redrive("q", all, 0, false)), Unavailable);
  EXPECT_THAT(receive("q"), IsEmpty());
  EXPECT_EQ(info("q").dead_letters, 1u);
  disk_full = false;
  EXPECT_EQ(run(broker().redrive("q", all, 0, false)).value().redriven, 1u);
  EXPECT_THAT(event_ids(receive("q")), ElementsAre("e1"));
}

INSTANTIATE_TEST_SUITE_P(Embedded, FailingDisk, testing::Values(BrokerCase{"full_disk", make_failing}), broker_case);

}  // namespace
}  // namespace eventbus
