#include <gmock/gmock.h>

#include "eventbus/cli/bench/latencies.hpp"
#include "eventbus/cli/bench/ledger.hpp"
#include "eventbus/cli/bench/wire.hpp"

namespace eventbus::cli {
namespace {

using ::testing::ElementsAre;

TEST(Ledger, FindsWhatWasLost) {
  Ledger ledger(1, 3, 1, false);
  for (std::uint64_t number = 0; number < 3; ++number) ledger.published(0, number);
  ledger.acknowledged(0, 0);
  ledger.acknowledged(0, 1);
  ledger.refused(0, 2);
  EXPECT_TRUE(ledger.delivered(0, 0, 1));
  EXPECT_FALSE(ledger.settled());
  const auto totals = ledger.totals();
  EXPECT_EQ(totals.published, 3);
  EXPECT_EQ(totals.acknowledged, 2);
  EXPECT_EQ(totals.refused, 1);
  EXPECT_EQ(totals.unanswered, 0);
  EXPECT_EQ(totals.lost, 1);
}

TEST(Ledger, MayHearOfADeliveryBeforeTheAcknowledgement) {
  Ledger ledger(1, 1, 1, false);
  ledger.published(0, 0);
  ledger.delivered(0, 0, 0);
  ledger.acknowledged(0, 0);
  ledger.acknowledged(0, 0);
  EXPECT_TRUE(ledger.settled());
  EXPECT_EQ(ledger.totals().acknowledged, 1);
}

TEST(Ledger, CountsUnansweredEventsApart) {
  Ledger ledger(1, 2, 1, false);
  ledger.published(0, 0);
  ledger.published(0, 0);
  EXPECT_EQ(ledger.totals().published, 1);
  EXPECT_EQ(ledger.totals().unanswered, 1);
  EXPECT_EQ(ledger.totals().lost, 0);
}

TEST(Ledger, CountsDuplicatesAndForeigners) {
  Ledger ledger(1, 2, 1, false);
  EXPECT_TRUE(ledger.delivered(0, 0, 0));
  EXPECT_FALSE(ledger.delivered(0, 0, 0));
  EXPECT_FALSE(ledger.delivered(0, 1, 0));
  EXPECT_FALSE(ledger.delivered(0, 0, 2));
  EXPECT_EQ(ledger.totals().duplicated, 1);
  EXPECT_EQ(ledger.totals().foreign, 2);
  EXPECT_EQ(ledger.totals().delivered, 1);
}

TEST(Ledger, ComparesOrderPerConsumerUnlessTheQueueIsOrdered) {
  Ledger competing(1, 4, 2, false);
  for (const auto& [consumer, number] : {std::pair{0, 1}, {1, 0}, {0, 3}, {0, 2}})
    competing.delivered(consumer, 0, number);
  EXPECT_EQ(competing.totals().out_of_order, 1);
  Ledger ordered(1, 4, 2, true);
  for (const auto& [consumer, number] : {std::pair{0, 1}, {1, 0}, {0, 3}, {0, 2}})
    ordered.delivered(consumer, 0, number);
  EXPECT_EQ(ordered.totals().out_of_order, 2);
}

TEST(Ledger, TakesAnEventReadBackForFound) {
  Ledger ledger(1, 2, 0, false);
  ledger.acknowledged(0, 0);
  ledger.acknowledged(0, 1);
  ledger.read_back(0, 1);
  ledger.read_back(0, 1);
  ledger.read_back(7, 0);
  EXPECT_EQ(ledger.totals().read_back, 1);
  EXPECT_EQ(ledger.totals().lost, 1);
}

TEST(Ledger, KeepsProducersApart) {
  Ledger ledger(2, 2, 1, true);
  ledger.delivered(0, 0, 1);
  ledger.delivered(0, 1, 0);
  EXPECT_EQ(ledger.totals().out_of_order, 0);
}

TEST(Latencies, GivePercentilesByNearestRank) {
  Latencies latencies;
  for (int ms = 100; ms >= 1; --ms) latencies.add(std::chrono::milliseconds(ms));
  const auto summary = latencies.summary();
  EXPECT_EQ(summary.count, 100);
  EXPECT_DOUBLE_EQ(summary.mean_ms, 50.5);
  EXPECT_DOUBLE_EQ(summary.p50_ms, 50);
  EXPECT_DOUBLE_EQ(summary.p95_ms, 95);
  EXPECT_DOUBLE_EQ(summary.p99_ms, 99);
  EXPECT_DOUBLE_EQ(summary.max_ms, 100);
  EXPECT_EQ(Latencies().summary().count, 0);
}

TEST(Wire, ReadsAnswersWhole) {
  const std::string two = "HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}HTTP/1.1 204 No Content\r\n\r\n";
  const auto first = read_answer(two);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->status, 201);
  EXPECT_EQ(first->body, "{}");
  const auto second = read_answer(std::string_view(two).substr(first->size));
  ASSERT_TRUE(second);
  EXPECT_EQ(second->status, 204);
  for (std::size_t cut = 0; cut < first->size; ++cut)
    EXPECT_FALSE(read_answer(std::string_view(two).substr(0, cut))) << cut;
  EXPECT_THROW(read_answer("SSH-2.0-OpenSSH\r\n\r\n"), std::runtime_error);
  EXPECT_THROW(read_answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), std::runtime_error);
}

TEST(Wire, WritesEventsOfTheWantedSize) {
  const auto event = bench_event("id-1", "run", 3, 17, 400);
  EXPECT_EQ(event.size(), 400);
  EXPECT_THAT(event, ::testing::HasSubstr(R"("payload":{"producer":3,"number":17,"filler":")"));
}

TEST(Wire, FindsDeliveries) {
  const std::string body =
      R"({"deliveries":[{"delivery_id":"a","attempt":1,"event":{"event_id":"x","payload":{"producer":2,"number":5,)"
      R"("filler":""}},"replayed":false},{"delivery_id":"b","attempt":2,"event":{"payload":{}}},)"
      R"({"delivery_id":"c","attempt":1,"event":{"payload":{"producer":0,"number":10}}}]})";
  std::vector<std::string> found;
  scan_deliveries(body, [&](const BenchDelivery& delivery) {
    found.push_back(std::string(delivery.id) + " " + std::to_string(delivery.event.producer) + " " +
                    std::to_string(delivery.event.number));
  });
  EXPECT_THAT(found, ElementsAre("a 2 5", "b 4294967295 0", "c 0 10"));
}

}  // namespace
}  // namespace eventbus::cli
