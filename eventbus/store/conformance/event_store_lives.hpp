#pragma once

#include <algorithm>

#include "eventbus/core/cursor.hpp"
#include "eventbus/store/conformance/store_under_test.hpp"

/// What every event store must do when it was closed and opened again, on its data or on an older copy of them.
/// Included and instantiated as `event_store_suite.hpp`.
namespace eventbus {

class EventStoreLives : public EventStoreConformance {
 protected:
  void append_ids(const std::vector<std::string>& ids) {
    for (const auto& id : ids) append(DraftBuilder{id}.build());
  }
  /// What a client holds: the cursors of all events, and the one behind the first page of a listing.
  std::vector<std::string> cursors() {
    std::vector<std::string> held;
    for (const auto& stored : run(store().read_log(0, 100, "")).events) held.push_back(encode(stored.place()));
    EventQuery query;
    query.limit = 1;
    held.push_back(encode(*run(store().query(query)).next));
    return held;
  }
  bool gave(const std::string& cursor) { return run(store().gave(decode_place(cursor).value())); }
};

TEST_P(EventStoreLives, KeepsPlacesOverRestarts) {
  EXPECT_TRUE(run(store().gave({})));
  std::vector<LogPlace> places;
  for (const std::string id : {"a", "b", "c"}) {
    places.push_back(append(DraftBuilder{id}.build()).event.place());
    under_test->reopen();
    under_test->reopen();
    const auto events = run(store().read_log(0, 100, "")).events;
    ASSERT_EQ(events.size(), places.size());
    for (std::size_t index = 0; index < places.size(); ++index) {
      EXPECT_EQ(events[index].place(), places[index]);
      EXPECT_EQ(run(store().get(events[index].event->event_id))->place(), places[index]);
      EXPECT_EQ(run(store().read_at({places[index].position})).events.front().place(), places[index]);
      EXPECT_EQ(append(DraftBuilder{events[index].event->event_id}.build()).event.place(), places[index]);
      EXPECT_TRUE(run(store().gave(places[index])));
    }
  }
}

TEST_P(EventStoreLives, ACopyKnowsWhatItHasGivenAndNothingElse) {
  append_ids({"a", "b"});
  under_test->keep_copy();
  const auto early = cursors();
  append_ids({"c", "d"});
  under_test->reopen();
  append_ids({"e"});
  auto lost = cursors();
  std::erase_if(lost, [&early](const std::string& cursor) { return std::ranges::find(early, cursor) != early.end(); });
  ASSERT_EQ(lost.size(), 4);
  for (int times_put_back = 1; times_put_back <= 2; ++times_put_back) {
    under_test->put_copy_back();
    EXPECT_EQ(cursors(), early);
    for (const bool gone_on : {false, true}) {
      for (const auto& cursor : early) EXPECT_TRUE(gave(cursor)) << cursor;
      for (const auto& cursor : lost) EXPECT_FALSE(gave(cursor)) << cursor << (gone_on ? ", it went on" : "");
      if (!gone_on) append_ids({"x", "y", "z", "x1", "y1", "z1"});
    }
    const auto now = cursors();
    for (const auto& cursor : now) EXPECT_TRUE(gave(cursor)) << cursor;
    lost.insert(lost.end(), now.begin() + 2, now.end());
  }
}

TEST_P(EventStoreLives, ACopyThatWasEmptyKnowsNothing) {
  under_test->keep_copy();
  append_ids({"a", "b"});
  const auto lost = cursors();
  under_test->put_copy_back();
  for (const auto& cursor : lost) EXPECT_FALSE(gave(cursor)) << cursor;
  append_ids({"x", "y", "z"});
  for (const auto& cursor : lost) EXPECT_FALSE(gave(cursor)) << cursor;
}

}  // namespace eventbus
