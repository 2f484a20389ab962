#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "eventbus/cli/console/console.hpp"

namespace eventbus::cli {

/// One line on the error stream that shows how far long work is. Silent where that stream is no terminal.
class Progress {
 public:
  /// `what` names the things counted, e.g. "events".
  Progress(const Console& console, std::string what);
  ~Progress();  ///< Wipes the line.
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `fraction` of the whole, 0 to 1; negative: unknown. Redraws at most ten times a second.
  void show(std::uint64_t done, double fraction);

 private:
  const Console& console_;
  std::string what_;
  std::chrono::steady_clock::time_point begun_;
  std::chrono::steady_clock::time_point next_;
  bool drawn_ = false;
};

/// The line itself: bar, percent, count, rate and what is left.
std::string progress_line(std::uint64_t done, double fraction, double seconds, const std::string& what);

}  // namespace eventbus::cli
