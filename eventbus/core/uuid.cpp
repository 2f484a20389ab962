#include "eventbus/core/uuid.hpp"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <span>

#include "eventbus/core/error.hpp"

namespace eventbus {
namespace {

constexpr std::uint32_t counter_limit = 0x1000;
constexpr std::uint64_t counter_start_mask = 0x7FF;  // the upper half is head-room within one millisecond

void fill_random(std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t got = getrandom(bytes.data(), bytes.size(), 0);
    if (got < 0 && errno != EINTR) throw Unavailable("getrandom", std::strerror(errno));
    if (got > 0) bytes = bytes.subspan(static_cast<std::size_t>(got));
  }
}

/// Random words of the kernel, fetched in blocks: one system call for a few hundred ids.
class RandomWords {
 public:
  std::uint64_t next() {
    if (used_ == words_.size()) {
      fill_random(std::as_writable_bytes(std::span(words_)));
      used_ = 0;
    }
    return words_[used_++];
  }

 private:
  std::array<std::uint64_t, 512> words_{};
  std::size_t used_ = words_.size();
};

class Generator {
 public:
  struct Parts {
    std::uint64_t millis;
    std::uint32_t counter;
    std::uint64_t random;
  };

  Parts next() {
    const std::uint64_t random = random_.next();
    const std::uint64_t clock = wall_clock_millis();
    if (clock > millis_) {
      millis_ = clock;
      counter_ = static_cast<std::uint32_t>(random_.next() & counter_start_mask);
    } else if (++counter_ == counter_limit) {
      // The clock stands or stepped back and the counter is used up: borrow the next millisecond.
      ++millis_;
      counter_ = 0;
    }
    return {millis_, counter_, random};
  }

 private:
  static std::uint64_t wall_clock_millis() {
    const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count());
  }

  RandomWords random_;
  std::uint64_t millis_ = 0;
  std::uint32_t counter_ = 0;
};

void write_hex(char* out, std::uint64_t value, int digits) {
  for (int i = digits - 1; i >= 0; --i, value >>= 4U) out[i] = "0123456789abcdef"[value & 0xFU];
}

}  // namespace

std::string make_uuid_v7() {
  thread_local Generator generator;
  const Generator::Parts parts = generator.next();
  std::string text(36, '-');
  write_hex(text.data(), parts.millis >> 16U, 8);
  write_hex(text.data() + 9, parts.millis & 0xFFFFU, 4);
  write_hex(text.data() + 14, 0x7000U | parts.counter, 4);
  write_hex(text.data() + 19, 0x8000U | (parts.random >> 50U), 4);
  write_hex(text.data() + 24, parts.random, 12);
  return text;
}

}  // namespace eventbus
