#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "eventbus/core/text_hash.hpp"
#include "eventbus/sqlite/connection.hpp"

namespace eventbus {

/// Numbers for names that repeat (event types, exchanges): a table and a bounded cache of it. Writer thread only.
class NameTable {
 public:
  explicit NameTable(std::string_view table);
  /// Forgets numbers that a roll-back took back. Call at the start of each transaction.
  void begin(sqlite::Connection& connection);
  /// The number of `name`, which gets one if it is new.
  std::int64_t number_of(sqlite::Connection& connection, std::string_view name);

 private:
  std::string largest_;
  std::string insert_;
  std::string select_;
  std::unordered_map<std::string, std::int64_t, TextHash, std::equal_to<>> known_;
  std::int64_t largest_known_ = 0;
};

}  // namespace eventbus
