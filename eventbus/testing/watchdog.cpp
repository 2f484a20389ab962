#include "eventbus/testing/watchdog.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>

namespace eventbus {
namespace {

std::string verdict;  // made before the alarm: its handler may only write

void end_program(int /*signal*/) {
  [[maybe_unused]] const auto written = write(STDERR_FILENO, verdict.data(), verdict.size());
  std::abort();
}

class Watchdog final : public testing::EmptyTestEventListener {
 public:
  explicit Watchdog(std::chrono::seconds patience) : patience_(static_cast<unsigned>(patience.count())) {}

  void OnTestStart(const testing::TestInfo& test) override {
    verdict = std::string("[  FAILED  ] ") + test.test_suite_name() + "." + test.name() + " still runs after " +
              std::to_string(patience_) + " s; the program ends here\n";
    alarm(patience_);
  }
  void OnTestEnd(const testing::TestInfo& /*test*/) override { alarm(0); }

 private:
  unsigned patience_;
};

}  // namespace

void watch_cases(std::chrono::seconds patience) {
  std::signal(SIGALRM, end_program);
  testing::UnitTest::GetInstance()->listeners().Append(new Watchdog(patience));  // GoogleTest owns it
}

}  // namespace eventbus
