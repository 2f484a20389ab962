#include "eventbus/store/sqlite/listing.hpp"

#include <gmock/gmock.h>

#include <random>

#include "eventbus/store/conformance/memory_event_store.hpp"
#include "eventbus/store/sqlite/event_row.hpp"
#include "eventbus/store/sqlite/schema.hpp"
#include "eventbus/store/sqlite/sqlite_under_test.hpp"
#include "eventbus/testing/waiting.hpp"

namespace eventbus {
namespace {

constexpr int many_types = 300;

/// A log of several blocks, the same in the store and in the model. Times grow, with some that come late.
class ListingTest : public testing::Test {
 protected:
  void SetUp() override {
    std::mt19937 random(7);
    const int events = 2 * (1 << block_bits) + 5000;
    for (int first = 0; first < events; first += 1000) {
      std::vector<AppendRequest> requests(1);
      for (int number = first; number < first + 1000; ++number) requests[0].drafts.push_back(draft(number, random));
      run(model.append(requests));
      run(under_test.store().append(std::move(requests)));
    }
  }

  static EventDraft draft(int number, std::mt19937& random) {
    const auto any = [&random](int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random); };
    return DraftBuilder{.id = "e" + std::to_string(number),
                        .type = any(20) == 0 ? "many.t" + std::to_string(any(many_types))
                                             : "few." + std::string(1, static_cast<char>('a' + any(4))),
                        .payload = any(9000) == 0 ? R"({"rare":true})" : "{}",
                        .key = any(3) == 0 ? "k" + std::to_string(any(500)) : "",
                        .correlation = any(50) == 0 ? "e" + std::to_string(any(40)) : "",
                        .micros = any(100) == 0 ? any(20'000) : number / 2}
        .build();
  }

  template <class T>
  T run(asio::awaitable<T> work) {
    auto future = asio::co_spawn(loop, std::move(work), asio::use_future);
    run_to_end(loop, "all that goes on");
    return future.get();
  }

  /// Every id of the listing, page by page; also that no page is longer than its limit.
  std::vector<std::string> follow(EventStore& store, EventQuery query, std::size_t most_pages) {
    std::vector<std::string> ids;
    for (std::size_t page_number = 0; page_number < most_pages; ++page_number) {
      const auto page = run(store.query(query));
      EXPECT_LE(page.events.size(), query.limit);
      for (auto& id : ids_of(page.events)) ids.push_back(std::move(id));
      query.cursor = page.next;
      if (!page.next) break;
    }
    return ids;
  }

  void expect_agreement(EventQuery query) {
    for (const bool descending : {false, true}) {
      query.descending = descending;
      for (const auto& [limit, pages] : {std::pair<std::size_t, std::size_t>{10'000, 100}, {7, 5}}) {
        query.limit = limit;
        EXPECT_EQ(follow(under_test.store(), query, pages), follow(model, query, pages))
            << "descending " << descending << " limit " << limit;
      }
    }
  }

  asio::io_context loop;
  SqliteUnderTest under_test{loop};
  MemoryEventStore model;
};

TEST_F(ListingTest, AgreesWithTheModelAcrossBlocks) {
  expect_agreement({});
  expect_agreement({.start_time = from_micros(9000), .end_time = from_micros(9100)});
  expect_agreement({.event_type = "few.a"});
  expect_agreement({.event_type = "few.*"});
  expect_agreement({.event_type = "many.t7"});
  expect_agreement({.start_time = from_micros(500), .event_type = "many.#"});
  expect_agreement({.event_type = "unknown.*"});
  expect_agreement({.ordering_key = "k77"});
  expect_agreement({.event_type = "few.b", .ordering_key = "k78"});
  expect_agreement({.correlation_id = "e5"});
  expect_agreement({.correlation_id = "e1000"});
  expect_agreement({.event_type = "few.*", .correlation_id = "e5"});
  expect_agreement({.payload = JsonContainment::parse(R"({"rare":true})").value()});
  expect_agreement({.event_type = "few.c", .payload = JsonContainment::parse(R"({"rare":true})").value()});
}

TEST_F(ListingTest, FindsTheFirstPositionFromATimeOnAcrossBlocks) {
  for (const std::int64_t micros : {-1, 0, 40, 8192, 16384, 18883, 18884, 19'990, 20'001}) {
    EXPECT_EQ(run(under_test.store().first_at_or_after(from_micros(micros))),
              run(model.first_at_or_after(from_micros(micros))))
        << micros;
  }
}

TEST_F(ListingTest, APositionIsNeverGivenTwice) {
  const auto head = under_test.store().head();
  under_test.close();
  {
    sqlite::Connection connection(under_test.file(), sqlite::OpenMode::read_write);
    connection.execute("DELETE FROM events WHERE position > 100");
  }
  under_test.reopen();
  EXPECT_EQ(under_test.store().head(), head);
  std::vector<AppendRequest> requests(1);
  requests[0].drafts.push_back(DraftBuilder{"new"}.build());
  EXPECT_EQ(run(under_test.store().append(std::move(requests)))[0][0].event.position, head + 1);
}

}  // namespace
}  // namespace eventbus
