#pragma once

#include "eventbus/core/topic.hpp"
#include "eventbus/store/conformance/store_under_test.hpp"

/// What every event store must do. An adapter includes this header in one test source and instantiates the suite:
///
///   INSTANTIATE_TEST_SUITE_P(Sqlite, EventStoreConformance, testing::Values(StoreCase{"sqlite", make}), case_name);
namespace eventbus {

TEST_P(EventStoreConformance, ReturnsWhatWasStored) {
  auto draft =
      DraftBuilder{"a/1 ü\"", "order.paid", R"({"n":12345678901234567890.10,"s":"é😀"})", "key", "corr"}.build();
  auto full = std::make_shared<Event>(*draft.event);
  full->exchange = "billing";
  full->routing_key = "eu.order";
  full->traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  full->cloudevent = R"({"source":"/s"})";
  draft.event = full;
  const auto appended = append(draft);
  EXPECT_EQ(appended.status, AppendStatus::stored);
  const auto found = run(store().get("a/1 ü\""));
  ASSERT_TRUE(found);
  EXPECT_EQ(*found->event, *full);
  EXPECT_EQ(found->position, appended.event.position);
  EXPECT_EQ(found->stored_at, appended.event.stored_at);
  EXPECT_FALSE(run(store().get("a/2")));
}

TEST_P(EventStoreConformance, KeepsAnyJsonValueAsPayload) {
  const std::vector<std::string> payloads{
      "[1,{\"a\":[]}]", R"("é \"q\" \\ \n")", "12345678901234567890.10", "1E5", "-0", "true", "null", R"("[1, 2]")"};
  for (const auto& payload : payloads) {
    EXPECT_EQ(append(DraftBuilder{payload, "t", payload}.build()).status, AppendStatus::stored);
    EXPECT_EQ(append(DraftBuilder{payload, "t", payload}.build()).status, AppendStatus::duplicate);
    EXPECT_EQ(append(DraftBuilder{payload, "t", "{}"}.build()).status, AppendStatus::conflict);
    EXPECT_EQ(run(store().get(payload))->event->payload, payload);
  }
  EventQuery query;
  query.limit = 100;
  EXPECT_EQ(run(store().query(query)).events.size(), payloads.size());
  query.payload = JsonContainment::parse("{}").value();
  EXPECT_TRUE(run(store().query(query)).events.empty());
}

TEST_P(EventStoreConformance, FindsTypesOfAnyCharacters) {
  const std::vector<std::string> types{"a_b.x",          "axb.x",   "50%.x", "it's.x", "q\"q.x", "b\\d.x", "b1.x",
                                       "(.+).x",         "[a-z].x", "^$.x",  "a/b.x",  "ü.x",    "ü",      "ÿ.x",
                                       "\xEF\xBF\xBC.x", "a*b.x",   "C#.x",  "~.x",    "~.x.y"};
  for (const auto& type : types) append(DraftBuilder{type, type}.build());
  for (const auto& type : types) {
    const auto word = type.substr(0, type.find('.'));
    if (word.find_first_of("*#") != std::string::npos) continue;
    for (const auto& pattern :
         std::vector<std::string>{type, word + ".*", word + ".#", "#." + type, "*.x", "#", word + ".*.#"}) {
      std::vector<std::string> expected;
      for (const auto& each : types) {
        if (topic_matches(pattern, each)) expected.push_back(each);
      }
      EXPECT_EQ(ids_of(run(store().read_log(0, 100, pattern)).events), expected) << pattern;
      EventQuery query;
      query.event_type = pattern;
      query.limit = 100;
      EXPECT_EQ(ids_of(run(store().query(query)).events), expected) << pattern;
    }
  }
}

TEST_P(EventStoreConformance, KeepsUuidsAsTheyWereWritten) {
  for (const std::string id : {"01890a5d-ac96-774b-bcce-b302099a8057", "01890A5D-AC96-774B-BCCE-B302099A8057",
                               "01890a5dac96774bbcceb302099a8057"}) {
    EXPECT_EQ(append(DraftBuilder{id}.build()).status, AppendStatus::stored);
    EXPECT_EQ(run(store().get(id))->event->event_id, id);
  }
}

TEST_P(EventStoreConformance, ARepetitionIsADuplicateAndOtherContentAConflict) {
  EXPECT_EQ(append(DraftBuilder{"a", "t", R"({"x":1,"y":2})"}.build()).status, AppendStatus::stored);
  const auto again = append(DraftBuilder{"a", "t", R"({"y":2,"x":1.0})"}.build());
  EXPECT_EQ(again.status, AppendStatus::duplicate);
  EXPECT_EQ(again.event.event->payload, R"({"x":1,"y":2})");
  EXPECT_EQ(append(DraftBuilder{"a", "t", R"({"x":2})"}.build()).status, AppendStatus::conflict);
  EXPECT_EQ(append(DraftBuilder{"a", "other", R"({"x":1,"y":2})"}.build()).status, AppendStatus::conflict);
  EXPECT_EQ(run(store().get("a"))->event->payload, R"({"x":1,"y":2})");
}

TEST_P(EventStoreConformance, FieldsLeftOutAreNotCompared) {
  append(DraftBuilder{"a", "t", R"({"x":1})", "k"}.build());
  auto again = DraftBuilder{"a", "t", "{}", "", "", 5}.build();
  again.given = GivenFields{.event_id = true};
  EXPECT_EQ(append(again).status, AppendStatus::duplicate);
}

TEST_P(EventStoreConformance, IdsRepeatedWithinACallCountAsRepeated) {
  const auto results =
      append_all({DraftBuilder{"a"}.build(), DraftBuilder{"a"}.build(), DraftBuilder{"a", "other"}.build()}, false);
  EXPECT_EQ(results[0].status, AppendStatus::stored);
  EXPECT_EQ(results[1].status, AppendStatus::duplicate);
  EXPECT_EQ(results[2].status, AppendStatus::conflict);
}

TEST_P(EventStoreConformance, AnAtomicRequestStoresAllOrNone) {
  append(DraftBuilder{"taken"}.build());
  const auto refused =
      append_all({DraftBuilder{"a"}.build(), DraftBuilder{"taken", "other"}.build(), DraftBuilder{"b"}.build()}, true);
  EXPECT_EQ(refused[0].status, AppendStatus::aborted);
  EXPECT_EQ(refused[1].status, AppendStatus::conflict);
  EXPECT_EQ(refused[2].status, AppendStatus::aborted);
  EXPECT_FALSE(run(store().get("a")));
  const auto within = append_all({DraftBuilder{"c"}.build(), DraftBuilder{"c", "other"}.build()}, true);
  EXPECT_EQ(within[1].status, AppendStatus::conflict);
  EXPECT_FALSE(run(store().get("c")));
  const auto stored =
      append_all({DraftBuilder{"a"}.build(), DraftBuilder{"taken"}.build(), DraftBuilder{"a"}.build()}, true);
  EXPECT_EQ(stored[0].status, AppendStatus::stored);
  EXPECT_EQ(stored[1].status, AppendStatus::duplicate);
  EXPECT_EQ(stored[2].status, AppendStatus::duplicate);
}

TEST_P(EventStoreConformance, ARefusedAtomicRequestLeavesTheOthersOfItsCallAlone) {
  append(DraftBuilder{"taken"}.build());
  std::vector<AppendRequest> requests;
  requests.push_back({{DraftBuilder{"a"}.build()}});
  requests.push_back({{DraftBuilder{"b"}.build(), DraftBuilder{"c"}.build(), DraftBuilder{"c", "other"}.build(),
                       DraftBuilder{"taken", "other"}.build(), DraftBuilder{"a"}.build()},
                      true});
  requests.push_back({{DraftBuilder{"b", "other"}.build(), DraftBuilder{"d"}.build()}, true});
  std::vector<std::vector<AppendStatus>> statuses;
  for (const auto& request : run(store().append(std::move(requests)))) {
    auto& of_request = statuses.emplace_back();
    for (const auto& appended : request) of_request.push_back(appended.status);
  }
  using enum AppendStatus;
  EXPECT_EQ(statuses, (std::vector<std::vector<AppendStatus>>{
                          {stored}, {aborted, aborted, conflict, conflict, aborted}, {stored, stored}}));
  EXPECT_EQ(ids_of(run(store().read_log(0, 10, "")).events), (std::vector<std::string>{"taken", "a", "b", "d"}));
  EXPECT_EQ(run(store().get("b"))->event->event_type, "other");
}

TEST_P(EventStoreConformance, PositionsGrowInTheOrderOfTheDrafts) {
  Position last = store().head();
  for (int round = 0; round < 3; ++round) {
    std::vector<AppendRequest> requests(2);
    for (int n = 0; n < 4; ++n)
      requests[static_cast<std::size_t>(n / 2)].drafts.push_back(DraftBuilder{std::to_string(round * 4 + n)}.build());
    for (const auto& request : run(store().append(std::move(requests)))) {
      for (const auto& appended : request) {
        EXPECT_GT(appended.event.position, last);
        last = appended.event.position;
      }
    }
    EXPECT_EQ(store().head(), last);
  }
}

TEST_P(EventStoreConformance, SurvivesReopening) {
  append(DraftBuilder{"a"}.build());
  const auto head = store().head();
  EXPECT_EQ(run(store().look()), head);
  under_test->reopen();
  EXPECT_EQ(store().head(), head);
  EXPECT_TRUE(run(store().get("a")));
  EXPECT_EQ(append(DraftBuilder{"a"}.build()).status, AppendStatus::duplicate);
  EXPECT_GT(append(DraftBuilder{"b", "new.type"}.build()).event.position, head);
}

TEST_P(EventStoreConformance, AListingShowsWhatWasStoredWhenItBegan) {
  for (int n = 0; n < 5; ++n) append(DraftBuilder{"e" + std::to_string(n), "t", "{}", "", "", 100 + n}.build());
  EventQuery query;
  query.limit = 2;
  auto page = run(store().query(query));
  EXPECT_EQ(ids_of(page.events), (std::vector<std::string>{"e0", "e1"}));
  append(DraftBuilder{"late", "t", "{}", "", "", 102}.build());
  query.cursor = page.next;
  page = run(store().query(query));
  EXPECT_EQ(ids_of(page.events), (std::vector<std::string>{"e2", "e3"}));
  query.cursor = page.next;
  page = run(store().query(query));
  EXPECT_EQ(ids_of(page.events), std::vector<std::string>{"e4"});
  EXPECT_FALSE(page.next);
}

TEST_P(EventStoreConformance, EqualTimestampsComeInTheOrderOfArrival) {
  for (const std::string id : {"c", "a", "b"}) append(DraftBuilder{id}.build());
  EventQuery query;
  query.limit = 1;
  std::vector<std::string> seen;
  do {
    auto page = run(store().query(query));
    for (const auto& id : ids_of(page.events)) seen.push_back(id);
    query.cursor = page.next;
  } while (query.cursor);
  EXPECT_EQ(seen, (std::vector<std::string>{"c", "a", "b"}));
}

TEST_P(EventStoreConformance, TheLogIsReadInCommitOrder) {
  for (int n = 0; n < 6; ++n)
    append(DraftBuilder{"e" + std::to_string(n), n % 2 == 0 ? "even.x" : "odd.x", "{}", "", "", 100 - n}.build());
  const auto first = run(store().read_log(0, 2, ""));
  EXPECT_EQ(ids_of(first.events), (std::vector<std::string>{"e0", "e1"}));
  const auto rest = run(store().read_log(first.scanned, 10, "odd.*"));
  EXPECT_EQ(ids_of(rest.events), (std::vector<std::string>{"e3", "e5"}));
  EXPECT_GE(rest.scanned, store().head());
  EXPECT_TRUE(run(store().read_log(store().head(), 10, "")).events.empty());
  const auto routes = run(store().read_routes(first.scanned, 2));
  ASSERT_EQ(routes.size(), 2u);
  EXPECT_EQ(routes[0].routing_key, "even.x");
  EXPECT_EQ(routes[0].exchange, default_exchange);
}

TEST_P(EventStoreConformance, ReadsEventsAtPositionsInTheOrderAsked) {
  std::vector<Position> positions;
  for (const std::string id : {"a", "b", "c"}) positions.push_back(append(DraftBuilder{id}.build()).event.position);
  const std::vector<Position> asked{positions[2], store().head() + 1000, positions[0]};
  const auto found = run(store().read_at(asked));
  EXPECT_EQ(ids_of(found.events), (std::vector<std::string>{"c", "a"}));
  EXPECT_EQ(found.asked, asked.size());
}

TEST_P(EventStoreConformance, ReadsLargeEventsAtPositionsInPages) {
  std::vector<Position> asked{1'000'000'000};
  std::vector<std::string> ids;
  for (int number = 0; number < 40; ++number) {
    ids.push_back("large-" + std::to_string(number));
    auto draft = DraftBuilder{ids.back(), "t", R"({"text":")" + std::string(1U << 20U, 'x') + R"("})"}.build();
    asked.push_back(append(std::move(draft)).event.position);
  }
  asked.push_back(asked.front());
  std::vector<std::string> read;
  int pages = 0;
  for (; !asked.empty(); ++pages) {
    const auto found = run(store().read_at(asked));
    ASSERT_GT(found.asked, 0u);
    for (auto& id : ids_of(found.events)) read.push_back(std::move(id));
    asked.erase(asked.begin(), asked.begin() + static_cast<std::ptrdiff_t>(found.asked));
  }
  EXPECT_EQ(read, ids);
  EXPECT_EQ(pages, 2);
}

TEST_P(EventStoreConformance, FindsTheFirstPositionFromATimeOn) {
  EXPECT_FALSE(run(store().first_at_or_after(Timestamp{})));
  const auto late = append(DraftBuilder{"late", "t", "{}", "", "", 300}.build()).event.position;
  const auto early = append(DraftBuilder{"early", "t", "{}", "", "", 100}.build()).event.position;
  const auto later = append(DraftBuilder{"later", "t", "{}", "", "", 400}.build()).event.position;
  EXPECT_LT(late, early);
  EXPECT_EQ(run(store().first_at_or_after(Timestamp(std::chrono::microseconds(50)))), late);
  EXPECT_EQ(run(store().first_at_or_after(Timestamp(std::chrono::microseconds(301)))), later);
  EXPECT_FALSE(run(store().first_at_or_after(Timestamp(std::chrono::microseconds(401)))));
}

}  // namespace eventbus
