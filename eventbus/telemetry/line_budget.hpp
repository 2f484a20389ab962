#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace eventbus {

/// Keeps clients and dependencies that fail in a loop from filling the disk with log lines: so many lines of a message
/// a minute, however often it happens. Decides only; a plain class that is given the time. One thread at a time.
class LineBudget {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds window{60};
  static constexpr std::uint64_t most_lines = 20;  ///< Of one message in a window.
  static constexpr std::size_t most_messages = 256;

  struct Verdict {
    bool write = true;
    bool last = false;           ///< The next ones are left out until the window ends.
    std::uint64_t left_out = 0;  ///< Since the message was last written.
  };
  Verdict spend(std::string_view message, Time now);

 private:
  struct Spent {
    Time begun;
    std::uint64_t lines = 0;
  };
  std::map<std::string, Spent, std::less<>> spent_;
};

}  // namespace eventbus
