#pragma once

#include <cstdint>
#include <string_view>

namespace eventbus {

/// 64-bit FNV-1a, the same in every build: for names that outlive the process. Source: G. Fowler, L. Noll, K.-P. Vo,
/// draft-eastlake-fnv.
constexpr std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char letter : text) hash = (hash ^ static_cast<unsigned char>(letter)) * 1099511628211ULL;
  return hash;
}

}  // namespace eventbus
