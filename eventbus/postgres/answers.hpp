#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eventbus/postgres/rows.hpp"
#include "eventbus/postgres/server_error.hpp"
#include "eventbus/postgres/statement_cache.hpp"

namespace eventbus::postgres {

/// The server's error in a result; none when it is no error.
std::optional<ServerError> error_of(const Rows& rows, std::string_view purpose, std::string_view variable);

/// Sorts what comes back for a pipeline (libpq, "Pipeline Mode"): results of each step end with an empty one, the whole
/// with a synchronisation point.
class PipelineAnswers {
 public:
  explicit PipelineAnswers(StatementCache& statements) : statements_(statements) {}

  void expect_nothing() { steps_.push_back({Step::Kind::other, {}}); }
  void expect_prepared(const std::string& sql) { steps_.push_back({Step::Kind::prepare, sql}); }
  void expect_rows() { steps_.push_back({Step::Kind::rows, {}}); }

  void take(Rows result);
  bool complete() const { return complete_; }
  /// One for each `expect_rows`, in order. Throws `ServerError` for the first step that failed.
  std::vector<Rows> results(std::string_view purpose, std::string_view variable);

 private:
  struct Step {
    enum class Kind : unsigned char { prepare, rows, other } kind;
    std::string sql;
  };
  StatementCache& statements_;
  std::deque<Step> steps_;
  std::vector<Rows> results_;
  std::optional<Rows> failed_;
  bool complete_ = false;
};

/// Collects what comes back for a script: one result a statement, then an empty one; or up to where a COPY begins.
class ScriptAnswers {
 public:
  void take(Rows result);
  bool complete() const { return complete_; }
  std::vector<Rows> results(std::string_view purpose, std::string_view variable);

 private:
  std::vector<Rows> results_;
  std::optional<Rows> failed_;
  bool complete_ = false;
};

}  // namespace eventbus::postgres
