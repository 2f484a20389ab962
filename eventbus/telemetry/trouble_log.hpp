#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>

#include "eventbus/telemetry/log.hpp"

namespace eventbus {

/// Keeps trouble that repeats from flooding the log: a text is worth a warning when it is new, and again a minute after
/// it last was. Decides only; a plain class that is given the time. One thread.
class TroubleLog {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds quiet{60};

  /// At which level a line about `text` is written: warning, or debug for one of the repetitions in between.
  LogLevel level(std::string_view text, Time now = std::chrono::steady_clock::now());
  /// All is well again: what comes now is new. True when there was trouble.
  bool over();

 private:
  static constexpr std::size_t most_texts = 32;
  std::map<std::string, Time, std::less<>> told_;
};

}  // namespace eventbus
