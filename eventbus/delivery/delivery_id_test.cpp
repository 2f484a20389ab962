#include "eventbus/delivery/delivery_id.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace eventbus::delivery {
namespace {

TEST(DeliveryId, ReadsBackWhatItWrote) {
  constexpr auto largest = std::numeric_limits<std::int64_t>::max();
  for (const DeliveryId id :
       {DeliveryId{1, 1, 1}, DeliveryId{7, 1'234'567, 3}, DeliveryId{largest, largest, 4294967295},
        DeliveryId{7, 8, 9, 0xfedcba987654}, DeliveryId{7, -8, 1}, DeliveryId{7, -largest, 1}}) {
    EXPECT_EQ(parse_delivery_id(encode(id)), id) << encode(id);
  }
}

TEST(DeliveryId, RefusesOtherText) {
  for (const char* text : {"",
                           "-",
                           "1-2",
                           "1-2-",
                           "1-2-3-0",
                           "1-2-3-",
                           "1-2-3-4-5",
                           "1-2-3 ",
                           " 1-2-3",
                           "x-2-3",
                           "1--2-3",
                           "-1-2-3",
                           "1-2-100000000",
                           "ffffffffffffffff-1-1",
                           "1-10000000000000000-1",
                           "1-r-1",
                           "1-r0-1",
                           "1-r2-3-4",
                           "1-rr2-3",
                           "r1-2-3"}) {
    EXPECT_EQ(parse_delivery_id(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace eventbus::delivery
