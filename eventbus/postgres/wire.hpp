#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "eventbus/core/timestamp.hpp"

/// PostgreSQL's binary representations (PostgreSQL documentation, "Message Data Types" and the types' send functions):
/// integers in network byte order, times in microseconds since 2000-01-01 UTC.
namespace eventbus::postgres::wire {

inline constexpr Timestamp epoch = std::chrono::sys_days{std::chrono::year{2000} / 1 / 1};

template <class Integer>
void append(std::string& out, Integer value) {
  const auto bits = static_cast<std::uint64_t>(value);
  for (int shift = (static_cast<int>(sizeof(Integer)) - 1) * 8; shift >= 0; shift -= 8)
    out += static_cast<char>(static_cast<unsigned char>(bits >> static_cast<unsigned>(shift)));
}

/// Reads at most 8 bytes as one signed integer.
inline std::int64_t read_integer(std::string_view bytes) {
  std::uint64_t value = !bytes.empty() && (static_cast<unsigned char>(bytes.front()) & 0x80U) != 0 ? ~0ULL : 0ULL;
  for (const char byte : bytes) value = value << 8U | static_cast<unsigned char>(byte);
  return static_cast<std::int64_t>(value);
}

inline std::int64_t micros_of(Timestamp time) {
  return (time - epoch).count();
}
inline Timestamp time_of(std::int64_t micros) {
  return epoch + std::chrono::microseconds(micros);
}

}  // namespace eventbus::postgres::wire
