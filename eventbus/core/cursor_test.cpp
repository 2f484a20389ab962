#include "eventbus/core/cursor.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace eventbus {
namespace {

constexpr Position largest = std::numeric_limits<Position>::max();

constexpr LifeId life = 0xfedcba987654;

TEST(Cursor, PlaceComesBack) {
  for (const Position position : {Position{0}, Position{1}, Position{21417}, largest}) {
    for (const LogPlace place : {LogPlace{position, 0}, LogPlace{position, life}}) {
      const std::string text = encode(place);
      EXPECT_EQ(text.front(), 'p');
      EXPECT_EQ(decode_place(text), place);
    }
  }
}

TEST(Cursor, FromBeforeLivesWereRecordedIsOfLifeZero) {
  EXPECT_EQ(decode_place("p2a"), (LogPlace{42, 0}));
  EXPECT_EQ(decode_place("ld1-2-3"), (LogPlace{3, 0}));
  EXPECT_EQ(encode(LogPlace{42, 0}), "p2a");
}

TEST(Cursor, ListingComesBack) {
  for (const char* time : {"0001-01-01T00:00:00Z", "1969-07-20T20:17:40.000001Z", "9999-12-31T23:59:59.999999Z"}) {
    const ListingCursor cursor{*parse_timestamp(time), 17, largest, true};
    const std::string text = encode(cursor);
    EXPECT_EQ(text.front(), 'l');
    EXPECT_EQ(decode_listing(text), cursor);
    EXPECT_EQ(decode_place(text), (LogPlace{largest, 0}));
  }
  const ListingCursor living{*parse_timestamp("2026-01-01T00:00:00Z"), 3, 9, true, life};
  EXPECT_EQ(decode_listing(encode(living)), living);
  EXPECT_EQ(decode_place(encode(living)), (LogPlace{9, life}));
  const ListingCursor ascending{*parse_timestamp("2026-01-01T00:00:00Z"), 3, 9, false};
  EXPECT_EQ(decode_listing(encode(ascending)), ascending);
}

TEST(Cursor, OfDeadLettersComesBack) {
  for (const auto& cursor : {DeadLetterCursor{{7, 3}}, DeadLetterCursor{{0, 0}, 26}, DeadLetterCursor{{26, 1}, 1}}) {
    EXPECT_EQ(decode_dead_letter(encode(cursor)), cursor) << encode(cursor);
  }
  EXPECT_EQ(encode(DeadLetterCursor{{7, 3}}), encode(LogPlace{7, 3}));
  for (const auto* text : {"", "p", "p1.", "p1.0", "p1.x", "p1.1.1", "p1.01", ".1", "la0-0-0", "p1.ffffffffffffffff"})
    EXPECT_FALSE(decode_dead_letter(text)) << text;
}

TEST(Cursor, UsesUrlSafeCharactersOnly) {
  const std::string text = encode({*parse_timestamp("2026-01-01T00:00:00.5Z"), 123456, 7890123, true});
  EXPECT_EQ(text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_"), std::string::npos);
}

TEST(Cursor, RefusesWhatItDidNotWrite) {
  for (const char* text : {"",
                           "p",
                           "p-1",
                           "p01",
                           "p1-",
                           "p1-0",
                           "p1-02",
                           "p1-2-3",
                           "p1-x",
                           "pA",
                           "p8000000000000000",
                           "p1 ",
                           "x1",
                           "l",
                           "la",
                           "la1",
                           "la1-2",
                           "la1-2-",
                           "la1-2-3-",
                           "la1-2-3-0",
                           "la1-2-3-x",
                           "la1-2-3-4-5",
                           "lx1-2-3",
                           "la-2-3",
                           "la1--3",
                           "la7fffffffffffffff-1-1",
                           "LA1-2-3"}) {
    EXPECT_FALSE(decode_place(text)) << text;
    EXPECT_FALSE(decode_listing(text)) << text;
  }
  EXPECT_FALSE(decode_listing(encode(LogPlace{5, life})));
}

}  // namespace
}  // namespace eventbus
