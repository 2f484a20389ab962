#pragma once

#include <cstddef>
#include <string_view>

#include "eventbus/core/json.hpp"

namespace eventbus {

/// Kind of the canonical value that begins with this character.
JsonKind kind_of(std::string_view value);

/// Walks the members or elements of one canonical object or array without copying. Trusts the text: it must come from
/// `CanonicalJson`; other text gives nonsense, but never reads outside of it.
class JsonScanner {
 public:
  explicit JsonScanner(std::string_view canonical);

  /// The next member's escaped key without quotes (empty for arrays) and its value; false at the end.
  bool next();
  std::string_view key() const { return key_; }
  std::string_view value() const { return value_; }

 private:
  std::string_view rest_;  ///< Between the brackets, what is not visited yet.
  std::string_view key_;
  std::string_view value_;
  bool object_;
};

}  // namespace eventbus
