#include "eventbus/client/targets.hpp"

#include <gtest/gtest.h>

namespace eventbus {
namespace {

TEST(Targets, LeadToAnEventWhateverItsId) {
  EXPECT_EQ(event_target("batch"), "/events/by-id?event_id=batch");
  EXPECT_EQ(event_target("../queues"), "/events/by-id?event_id=..%2Fqueues");
  EXPECT_EQ(event_target("a//b?c=d&e#f%20+ ü"), "/events/by-id?event_id=a%2F%2Fb%3Fc%3Dd%26e%23f%2520%2B%20%C3%BC");
}

TEST(Targets, KeepTheNameOfAQueueInOneSegment) {
  EXPECT_EQ(queue_target("a b"), "/queues/a%20b");
  EXPECT_EQ(queue_target("q?x#y", "/ack"), "/queues/q%3Fx%23y/ack");
  EXPECT_EQ(breaker_target("https://h/p", "/reset"), "/breakers/https%3A%2F%2Fh%2Fp/reset");
}

}  // namespace
}  // namespace eventbus
