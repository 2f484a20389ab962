#include "eventbus/broker/embedded/queue_commit.hpp"

#include <stdexcept>

namespace eventbus::embedded {
namespace {

constexpr unsigned group_bits = 7;
constexpr std::uint64_t more_follows = 1U << group_bits;

void append_number(std::string& out, std::uint64_t value) {
  for (; value >= more_follows; value >>= group_bits) out.push_back(static_cast<char>(value | more_follows));
  out.push_back(static_cast<char>(value));
}

std::uint64_t read_number(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += group_bits) {
    if (bytes.empty()) break;
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    value |= (byte & (more_follows - 1)) << shift;
    if (byte < more_follows) return value;
  }
  throw std::runtime_error("the broker's list of open deliveries is damaged; restore the data directory from a backup");
}

// Small numbers of either sign become small unsigned ones.
std::uint64_t fold(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1U) ^ static_cast<std::uint64_t>(value >> 63);
}

std::int64_t unfold(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1U) ^ -static_cast<std::int64_t>(value & 1U);
}

}  // namespace

std::string encode_gaps(const std::vector<Routed>& gaps) {
  std::string bytes;
  Routed last;
  for (const auto& gap : gaps) {
    append_number(bytes, static_cast<std::uint64_t>(gap.position - last.position));
    append_number(bytes, fold((gap.entered_at - last.entered_at).count()));
    append_number(bytes, gap.key);
    last = gap;
  }
  return bytes;
}

std::vector<Routed> decode_gaps(std::string_view bytes) {
  std::vector<Routed> gaps;
  Routed last;
  while (!bytes.empty()) {
    last.position += static_cast<Position>(read_number(bytes));
    last.entered_at += std::chrono::microseconds{unfold(read_number(bytes))};
    last.key = read_number(bytes);
    gaps.push_back(last);
  }
  return gaps;
}

}  // namespace eventbus::embedded
