#include "eventbus/postgres/answers.hpp"

#include <libpq-fe.h>

namespace eventbus::postgres {
namespace {

bool failed(const Rows& rows) {
  const auto status = PQresultStatus(rows.native());
  return status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE || status == PGRES_PIPELINE_ABORTED;
}

std::string_view field(const Rows& rows, int code) {
  const char* value = PQresultErrorField(rows.native(), code);
  return value == nullptr ? std::string_view() : value;
}

}  // namespace

std::optional<ServerError> error_of(const Rows& rows, std::string_view purpose, std::string_view variable) {
  if (rows.native() == nullptr || !failed(rows)) return std::nullopt;
  auto message = field(rows, PG_DIAG_MESSAGE_PRIMARY);
  if (message.empty()) message = PQresultErrorMessage(rows.native());
  return ServerError(purpose, message, field(rows, PG_DIAG_SQLSTATE), variable);
}

void PipelineAnswers::take(Rows result) {
  if (result.native() == nullptr) {
    if (!steps_.empty()) steps_.pop_front();
    return;
  }
  if (PQresultStatus(result.native()) == PGRES_PIPELINE_SYNC) {
    complete_ = true;
    return;
  }
  const bool broken = failed(result);
  if (!steps_.empty() && steps_.front().kind == Step::Kind::prepare && broken) statements_.erase(steps_.front().sql);
  if (broken) {
    if (!failed_) failed_ = std::move(result);
  } else if (!steps_.empty() && steps_.front().kind == Step::Kind::rows) {
    results_.push_back(std::move(result));
  }
}

std::vector<Rows> PipelineAnswers::results(std::string_view purpose, std::string_view variable) {
  if (failed_) throw ServerError(error_of(*failed_, purpose, variable).value());
  return std::move(results_);
}

void ScriptAnswers::take(Rows result) {
  if (result.native() == nullptr || PQresultStatus(result.native()) == PGRES_COPY_IN) {
    complete_ = true;
  } else if (failed(result)) {
    failed_ = std::move(result);
  } else {
    results_.push_back(std::move(result));
  }
}

std::vector<Rows> ScriptAnswers::results(std::string_view purpose, std::string_view variable) {
  if (failed_) throw ServerError(error_of(*failed_, purpose, variable).value());
  return std::move(results_);
}

}  // namespace eventbus::postgres
