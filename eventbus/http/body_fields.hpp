#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eventbus/core/error.hpp"
#include "eventbus/core/field_faults.hpp"
#include "eventbus/core/json.hpp"

namespace eventbus {

inline constexpr std::size_t most_ids = 10000;       ///< Events or deliveries that one body may name.
inline constexpr std::size_t longest_reason = 1024;  ///< Bytes of the reason of a dead letter.

/// Reads typed members out of a JSON object and gathers what is wrong with them, so that one answer names every fault.
/// A member that is wrong or missing reads as nothing; look at `check` before using any.
class BodyFields {
 public:
  /// Members other than `known` are faults. Errors: those of `parse_json_object`.
  static Result<BodyFields> parse(std::string_view json, std::initializer_list<std::string_view> known);

  bool has(std::string_view name) const { return find(name) != nullptr; }
  std::optional<std::uint64_t> integer(std::string_view name, std::uint64_t low, std::uint64_t high);
  std::optional<bool> boolean(std::string_view name);
  std::optional<std::string> text(std::string_view name, std::size_t longest);
  /// An array of `fewest` to `most` strings.
  std::optional<std::vector<std::string>> texts(std::string_view name, std::size_t fewest, std::size_t most);

  void require(std::string_view name);
  void refuse(std::string_view name, std::string_view message);
  /// `invalid` naming every fault so far.
  Result<void> check() const;

 private:
  const JsonMember* find(std::string_view name) const;

  std::vector<JsonMember> members_;
  FieldFaults faults_;
};

}  // namespace eventbus
