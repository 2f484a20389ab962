#include <gtest/gtest.h>

#include "eventbus/testing/watchdog.hpp"

int main(int count, char** arguments) {
  testing::InitGoogleTest(&count, arguments);
  eventbus::watch_cases();
  return RUN_ALL_TESTS();
}
