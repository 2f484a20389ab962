#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "eventbus/core/timestamp.hpp"

namespace eventbus::postgres {

/// One SQL statement with its parameters $1, $2, … in the order they are added. `sql` is the key of the connection's
/// cache of prepared statements, so it should be one of few texts; values belong into parameters.
class Statement {
 public:
  explicit Statement(std::string sql = {}) : sql_(std::move(sql)) {}

  /// For statements that are put together: appends text, or "$n" and the value of parameter n.
  Statement& append(std::string_view sql);
  template <class Value>
  Statement& append_value(const Value& value) {
    add(value);
    return append("$" + std::to_string(parameters_.size()));
  }
  /// Planned anew with the values at hand each time it runs, instead of prepared: for statements of many shapes, and
  /// where the best plan depends on the values. Connection::each_row only.
  Statement& planned_each_time() {
    prepared_ = false;
    return *this;
  }
  bool prepared() const { return prepared_; }
  /// Its results come as text, for whoever does not know their types.
  Statement& with_text_results() {
    text_results_ = true;
    return *this;
  }
  bool text_results() const { return text_results_; }

  Statement& add(std::int64_t value);
  Statement& add(std::string_view text);  ///< The server takes the type from the context.
  Statement& add(Timestamp time);
  Statement& add(const std::vector<std::int64_t>& values);            ///< bigint[]
  Statement& add(const std::vector<std::string_view>& values);        ///< text[]
  Statement& add(const std::vector<Timestamp>& times);                ///< timestamptz[]
  Statement& add_bytes(const std::vector<std::string_view>& values);  ///< bytea[]
  Statement& add_null();
  Statement& add_optional(std::string_view text);  ///< NULL when it is empty.

  struct Parameter {
    std::uint32_t type;  ///< OID; 0 lets the server decide.
    bool is_null;
    bool binary;
    std::string bytes;
  };

  const std::string& sql() const { return sql_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }

 private:
  std::string sql_;
  std::vector<Parameter> parameters_;
  bool prepared_ = true;
  bool text_results_ = false;
};

}  // namespace eventbus::postgres
