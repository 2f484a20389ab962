#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eventbus/core/error.hpp"

namespace eventbus {

/// Collects what is wrong with the fields of a document, so that one answer names them all (the first 100 of them).
class FieldFaults {
 public:
  void add(std::string_view field, std::string_view message);
  /// A field that does not exist; names the nearest of the allowed ones when it looks like a typing error.
  void add_unknown(std::string_view field, std::span<const std::string_view> allowed);

  bool empty() const { return count_ == 0; }
  /// An `invalid` error with all of them. Not for an empty collection.
  Error error() &&;

 private:
  std::vector<FieldError> faults_;
  std::size_t count_ = 0;
};

/// The name that was most likely meant; empty when none is near.
std::string_view nearest_name(std::string_view name, std::span<const std::string_view> known);

}  // namespace eventbus
