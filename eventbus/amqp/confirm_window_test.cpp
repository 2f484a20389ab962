#include "eventbus/amqp/confirm_window.hpp"

#include <gmock/gmock.h>

namespace eventbus::amqp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Settled = ConfirmWindow::Settled;

/// Messages 101, 102, … with the identities 1, 2, …
ConfirmWindow window_of(int messages) {
  ConfirmWindow window(4);
  for (int number = 1; number <= messages; ++number)
    window.sent({.message = static_cast<std::uint64_t>(100 + number), .identity = static_cast<std::size_t>(number)});
  return window;
}

TEST(ConfirmWindow, SettlesWhatTheServerAnswersInAnyOrder) {
  struct Answer {
    char kind;  ///< a(ck), n(ack), r(eturn)
    std::uint64_t number;
    bool multiple;
  };
  struct Case {
    std::string_view name;
    std::vector<Answer> answers;
    std::vector<Settled> settled;
  };
  using enum Fate;
  const std::vector<Case> table{
      {"one by one", {{'a', 1, false}, {'a', 2, false}}, {{101, confirmed}, {102, confirmed}}},
      {"backwards", {{'a', 3, false}, {'a', 1, false}}, {{103, confirmed}, {101, confirmed}}},
      {"up to a number", {{'a', 3, true}}, {{101, confirmed}, {102, confirmed}, {103, confirmed}}},
      {"all so far", {{'a', 0, true}}, {{101, confirmed}, {102, confirmed}, {103, confirmed}, {104, confirmed}}},
      {"up to a number, one of them earlier",
       {{'n', 2, false}, {'a', 3, true}},
       {{102, nacked}, {101, confirmed}, {103, confirmed}}},
      {"nacks up to a number", {{'n', 2, true}, {'a', 3, false}}, {{101, nacked}, {102, nacked}, {103, confirmed}}},
      {"again", {{'a', 1, false}, {'a', 1, false}, {'n', 1, true}}, {{101, confirmed}}},
      {"never sent", {{'a', 9, false}, {'a', 0, false}}, {}},
      {"beyond the last", {{'a', 9, true}}, {{101, confirmed}, {102, confirmed}, {103, confirmed}, {104, confirmed}}},
      {"returned", {{'r', 2, false}, {'a', 2, true}}, {{101, confirmed}, {102, returned}}},
      {"returned later than others",
       {{'r', 3, false}, {'r', 1, false}, {'a', 3, true}},
       {{101, returned}, {102, confirmed}, {103, returned}}},
  };
  for (const auto& [name, answers, expected] : table) {
    auto window = window_of(4);
    std::vector<Settled> settled;
    for (const auto& [kind, number, multiple] : answers) {
      if (kind == 'a') window.acked(number, multiple, settled);
      if (kind == 'n') window.nacked(number, multiple, settled);
      if (kind == 'r') {
        EXPECT_TRUE(window.returned(number)) << name;
      }
    }
    EXPECT_EQ(settled, expected) << name;
    EXPECT_EQ(window.unconfirmed(), 4 - expected.size()) << name;
  }
}

TEST(ConfirmWindow, IsFullAtItsLimitUntilSomethingIsSettled) {
  auto window = window_of(3);
  EXPECT_FALSE(window.full());
  window.sent({.message = 104, .identity = 4});
  EXPECT_TRUE(window.full());
  std::vector<Settled> settled;
  window.acked(3, false, settled);
  EXPECT_FALSE(window.full());
}

TEST(ConfirmWindow, DoesNotKnowAReturnedMessageThatIsNotInFlight) {
  auto window = window_of(2);
  EXPECT_FALSE(window.returned(7));
  EXPECT_TRUE(window.returned(2));
  EXPECT_FALSE(window.returned(2));
}

TEST(ConfirmWindow, TellsEqualMessagesApartByTheirOrder) {
  ConfirmWindow window(4);
  for (const auto message : {101U, 102U, 103U}) window.sent({.message = message, .identity = 5});
  std::vector<Settled> settled;
  EXPECT_TRUE(window.returned(5));
  EXPECT_TRUE(window.returned(5));
  window.acked(3, true, settled);
  EXPECT_THAT(settled,
              ElementsAre(Settled{101, Fate::returned}, Settled{102, Fate::returned}, Settled{103, Fate::confirmed}));
}

TEST(ConfirmWindow, KnowsNothingOfWhatWasInFlightWhenTheChannelWasLost) {
  auto window = window_of(4);
  std::vector<Settled> settled;
  window.acked(2, false, settled);
  EXPECT_TRUE(window.returned(3));
  settled.clear();
  window.lost(settled);
  EXPECT_THAT(settled,
              ElementsAre(Settled{101, Fate::unknown}, Settled{103, Fate::returned}, Settled{104, Fate::unknown}));
  EXPECT_EQ(window.unconfirmed(), 0u);
  settled.clear();
  window.acked(4, true, settled);
  EXPECT_THAT(settled, IsEmpty());
  window.sent({.message = 201, .identity = 0});
  window.acked(1, false, settled);
  EXPECT_THAT(settled, ElementsAre(Settled{201, Fate::confirmed}));
}

TEST(ConfirmWindow, IdentifiesAMessageByAllItsParts) {
  const auto identity = ConfirmWindow::identity_of("e", "k", "i", "b");
  EXPECT_EQ(identity, ConfirmWindow::identity_of("e", "k", "i", "b"));
  EXPECT_NE(identity, ConfirmWindow::identity_of("k", "e", "i", "b"));
  EXPECT_NE(identity, ConfirmWindow::identity_of("e", "k", "i", "c"));
}

}  // namespace
}  // namespace eventbus::amqp
