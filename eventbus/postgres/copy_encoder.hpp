#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "eventbus/core/timestamp.hpp"

namespace eventbus::postgres {

/// Builds the data of `COPY … FROM STDIN (FORMAT binary)` (PostgreSQL documentation, COPY, "Binary Format") in one
/// string. Rows must have the number of fields that was announced. Text must be valid UTF-8 without NUL.
class CopyEncoder {
 public:
  explicit CopyEncoder(std::int16_t columns);

  void begin_row();
  void add(std::int64_t value);
  void add(std::string_view text);         ///< text, varchar, char
  void add_bytes(std::string_view bytes);  ///< bytea
  void add(Timestamp time);                ///< timestamptz
  void add_json(std::string_view json);    ///< jsonb
  void add_null();
  /// The text, or null when it is empty.
  void add_optional(std::string_view text);

  std::size_t size() const { return data_.size(); }
  /// Ends the data and gives it away.
  std::string take();

 private:
  void add_field(std::string_view bytes);

  std::int16_t columns_;
  std::string data_;
};

}  // namespace eventbus::postgres
