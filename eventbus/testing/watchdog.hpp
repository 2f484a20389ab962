#pragma once

#include <chrono>

namespace eventbus {

/// For tests: ends the test program with SIGABRT when a case runs longer than this, and says which; whatever it hangs
/// in.
constexpr std::chrono::seconds case_patience{600};

/// Watches every case of this program. The test programs' main() calls it.
void watch_cases(std::chrono::seconds patience = case_patience);

}  // namespace eventbus
