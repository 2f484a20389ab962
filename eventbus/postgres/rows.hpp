#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "eventbus/core/timestamp.hpp"

struct pg_result;

namespace eventbus::postgres {

/// One row; valid as long as its `Rows`. Columns from 0. Reads what came in text and what came binary.
class Row {
 public:
  Row(const pg_result* result, int index) : result_(result), index_(index) {}
  bool is_null(int column) const;
  std::int64_t integer(int column) const;   ///< 0 for NULL.
  bool boolean(int column) const;           ///< False for NULL.
  std::string_view text(int column) const;  ///< Empty for NULL. Also the bytes of bytea.
  std::string_view json(int column) const;  ///< Text of jsonb or json.
  Timestamp time(int column) const;         ///< Of timestamptz that came binary; "infinity" as the last moment.

 private:
  bool is_binary(int column) const;
  const pg_result* result_;
  int index_;
};

/// What a statement answered: rows, or none and the number of rows it changed. Owns libpq's result.
class Rows {
 public:
  Rows() = default;
  explicit Rows(pg_result* result);
  int size() const;
  bool empty() const { return size() == 0; }
  int columns() const;
  Row operator[](int index) const { return {result_.get(), index}; }
  std::int64_t affected() const;
  /// Null for an error.
  const pg_result* native() const { return result_.get(); }

 private:
  struct Clear {
    void operator()(pg_result* result) const;
  };
  std::unique_ptr<pg_result, Clear> result_;
};

}  // namespace eventbus::postgres
