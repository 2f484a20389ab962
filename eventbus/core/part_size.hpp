#pragma once

#include <algorithm>
#include <cstddef>

namespace eventbus {

/// How many events to ask for at a time, so that not many come that there is no room for: their sizes are known only
/// then. Learns from what came; a plain class.
class PartSize {
 public:
  std::size_t of(std::size_t wanted) const { return std::min(wanted, size_); }
  /// `asked` were asked for; `full`: those that came, `taken` of them, were all that there was room for.
  void note(std::size_t asked, bool full, std::size_t taken) {
    if (full) {
      size_ = std::max<std::size_t>(1, taken);
    } else if (asked >= size_) {
      size_ = std::min(most, size_ * 2);
    }
  }

 private:
  static constexpr std::size_t most = 10'000;
  std::size_t size_ = most;
};

}  // namespace eventbus
