#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eventbus/core/error.hpp"
#include "eventbus/core/field_faults.hpp"
#include "eventbus/core/timestamp.hpp"
#include "eventbus/http/query.hpp"

namespace eventbus {

/// Reads typed values out of query parameters and gathers what is wrong with them, so that one answer names every
/// fault. A value that is wrong or missing reads as the fallback; look at `check` before using any.
class Parameters {
 public:
  explicit Parameters(std::span<const QueryParameter> parameters) : parameters_(parameters) {}

  bool has(std::string_view name) const { return find(name) != nullptr; }
  /// Empty when missing; given but empty, or longer than `longest`, is a fault.
  std::string_view text(std::string_view name, std::size_t longest = 1024);
  std::uint64_t integer(std::string_view name, std::uint64_t low, std::uint64_t high, std::uint64_t fallback);
  bool flag(std::string_view name);
  /// One of `choices`; the first is the fallback.
  std::string_view choice(std::string_view name, std::initializer_list<std::string_view> choices);
  std::optional<Timestamp> time(std::string_view name);

  void refuse(std::string_view name, std::string_view message);
  /// `invalid` naming every fault so far.
  Result<void> check() const;

 private:
  const std::string* find(std::string_view name) const;

  std::span<const QueryParameter> parameters_;
  FieldFaults faults_;
};

/// RFC 3339 in a query string, where an unescaped '+' of the offset arrives as a space.
std::optional<Timestamp> parse_query_time(std::string_view text);

}  // namespace eventbus
