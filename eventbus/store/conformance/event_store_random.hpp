#pragma once

#include <random>

#include "eventbus/store/conformance/event_store_suite.hpp"
#include "eventbus/store/conformance/memory_event_store.hpp"

/// Random operations on an adapter and on the model; both must agree. Part of `EventStoreConformance`.
namespace eventbus {

class RandomOperations {
 public:
  explicit RandomOperations(std::uint32_t seed) : random_(seed) {}

  int below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random_); }
  template <class T>
  T one_of(const std::vector<T>& values) {
    return values.at(static_cast<std::size_t>(below(static_cast<int>(values.size()))));
  }

  EventDraft draft() {
    return DraftBuilder{
        .id = "id-" + std::to_string(below(120)),
        .type = one_of<std::string>({"user.created", "user.deleted", "order.paid", "order.eu.paid", "x"}),
        .payload = one_of<std::string>({"{}", R"({"a":1})", R"({"a":1,"b":[1,{"c":"d"}]})", R"({"a":2})"}),
        .key = one_of<std::string>({"", "", "k1", "k2"}),
        .correlation = one_of<std::string>({"", "", "c1", "id-7"}),
        .micros = 1000 + below(40)}
        .build();
  }

  std::vector<AppendRequest> requests() {
    std::vector<AppendRequest> made(static_cast<std::size_t>(below(3)) + 1);
    for (auto& request : made) {
      request.atomic = below(3) == 0;
      for (int n = below(4); n >= 0; --n) request.drafts.push_back(draft());
    }
    return made;
  }

  EventQuery query() {
    EventQuery made;
    if (below(3) == 0) made.start_time = Timestamp(std::chrono::microseconds(1000 + below(40)));
    if (below(3) == 0) made.end_time = Timestamp(std::chrono::microseconds(1000 + below(40)));
    made.event_type = one_of<std::string>({"", "", "#", "user.*", "order.#", "user.created", "nothing", "*"});
    made.ordering_key = one_of<std::string>({"", "", "", "k1", "k9"});
    made.correlation_id = one_of<std::string>({"", "", "", "c1", "id-7", "id-8"});
    if (below(4) == 0)
      made.payload = JsonContainment::parse(one_of<std::string>({R"({"a":1})", R"({"b":[{"c":"d"}]})", "{}"})).value();
    made.limit = static_cast<std::size_t>(below(6)) + 1;
    made.descending = below(2) == 0;
    return made;
  }

 private:
  std::mt19937 random_;
};

TEST_P(EventStoreConformance, AgreesWithTheModelOnRandomOperations) {
  for (std::uint32_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomOperations random(seed);
    MemoryEventStore model;
    loop.restart();
    under_test = GetParam().make(loop);
    for (int step = 0; step < 60 && !HasFailure(); ++step) {
      const auto requests = random.requests();
      const auto expected = run(model.append(requests));
      const auto actual = run(store().append(requests));
      for (std::size_t r = 0; r < requests.size(); ++r) {
        for (std::size_t d = 0; d < requests[r].drafts.size(); ++d) {
          EXPECT_EQ(actual[r][d].status, expected[r][d].status)
              << "step " << step << " request " << r << " draft " << d;
        }
      }
      auto wanted = random.query();
      auto asked = wanted;
      for (;;) {
        const auto model_page = run(model.query(wanted));
        const auto page = run(store().query(asked));
        EXPECT_EQ(ids_of(page.events), ids_of(model_page.events)) << "step " << step;
        EXPECT_EQ(page.next.has_value(), model_page.next.has_value()) << "step " << step;
        if (HasFailure() || !page.next) break;
        wanted.cursor = model_page.next;
        asked.cursor = page.next;
        if (random.below(4) == 0) {
          auto meanwhile = random.requests();
          run(model.append(meanwhile));
          run(store().append(meanwhile));
        }
      }
      EXPECT_EQ(ids_of(run(store().read_log(0, 10'000, "")).events), ids_of(run(model.read_log(0, 10'000, "")).events));
      const auto pattern = random.one_of<std::string>({"order.#", "user.*", "x"});
      EXPECT_EQ(ids_of(run(store().read_log(0, 10'000, pattern)).events),
                ids_of(run(model.read_log(0, 10'000, pattern)).events));
      if (step % 20 == 19) under_test->reopen();
    }
  }
}

}  // namespace eventbus
