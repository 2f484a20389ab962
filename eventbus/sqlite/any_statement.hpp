#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "eventbus/core/error.hpp"
#include "eventbus/sqlite/connection.hpp"

namespace eventbus::sqlite {

using TextValue = std::optional<std::string>;  ///< None is NULL.

struct TextRows {
  std::uint64_t affected = 0;  ///< Rows that were changed or returned.
  std::vector<std::vector<TextValue>> rows;
};

/// Runs one statement of a caller's, which is not kept prepared; `values` stand for its parameters $1, $2, …. `invalid`
/// with SQLite's message for what is the statement's fault, a violated constraint included; throws as `Connection` does
/// for all else.
Result<TextRows> run_any(Connection& connection, const std::string& sql, const std::vector<TextValue>& values);

}  // namespace eventbus::sqlite
