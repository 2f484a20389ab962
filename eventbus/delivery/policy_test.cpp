#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eventbus/delivery/admissions.hpp"
#include "eventbus/delivery/queue_change.hpp"

namespace eventbus::delivery {
namespace {

using testing::HasSubstr;

TEST(Admissions, ReserveInAllQueuesOrInNone) {
  const LimitedQueue roomy{.name = "roomy", .max_length = 10, .waiting = 4, .reserved = none_reserved()};
  const LimitedQueue tight{.name = "tight", .max_length = 5, .waiting = 2, .reserved = none_reserved()};
  const auto refused = admit({roomy, tight}, 4);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::queue_full);
  EXPECT_THAT(refused.error().detail, HasSubstr("'tight' holds its 5 events"));
  EXPECT_EQ(*roomy.reserved, 0U);
  {
    const auto admitted = admit({roomy, tight}, 3);
    ASSERT_TRUE(admitted);
    EXPECT_EQ(*roomy.reserved, 3U);
    EXPECT_FALSE(admit({tight}, 1)) << "what is reserved is taken";
    EXPECT_TRUE(admit({roomy}, 3));
    EXPECT_FALSE(admit({roomy}, 4));
  }
  EXPECT_EQ(*roomy.reserved + *tight.reserved, 0U) << "given back";
}

TEST(Admissions, OfNoQueuesAreNothing) {
  const auto admitted = admit({}, 1);
  ASSERT_TRUE(admitted);
  EXPECT_EQ(*admitted, nullptr);
}

TEST(Admissions, AreOfQueuesThatRefuse) {
  QueueDefinition definition;
  EXPECT_FALSE(refuses(definition));
  definition.max_length = 5;
  definition.overflow = Overflow::reject;
  EXPECT_TRUE(refuses(definition));
  definition.overflow = Overflow::drop_oldest;
  EXPECT_FALSE(refuses(definition));
}

TEST(QueueChange, NamesWhatCannotBeChanged) {
  QueueDefinition old;
  old.name = "q";
  auto wanted = old;
  wanted.max_length = 7;
  wanted.bindings = {{"events", "a"}};
  EXPECT_TRUE(changeable(old, wanted));
  wanted.ordered = true;
  wanted.start_from.kind = StartFrom::Kind::beginning;
  const auto refused = changeable(old, wanted);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::queue_conflict);
  ASSERT_EQ(refused.error().fields.size(), 2U);
  EXPECT_EQ(refused.error().fields[0].field, "ordered");
  EXPECT_EQ(refused.error().fields[1].field, "start_from");
}

}  // namespace
}  // namespace eventbus::delivery
