#include "eventbus/postgres/connection.hpp"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <cassert>
#include <chrono>
#include <utility>

namespace eventbus::postgres {
namespace {

constexpr std::size_t most_prepared_statements = 200;

// Reading more than this costs more than a new connection.
constexpr std::size_t most_rest_bytes = std::size_t{4} << 20U;
constexpr std::chrono::milliseconds patience_for_rest{100};

/// A statement's parameters as libpq takes them; valid as long as the statement.
struct ParameterArrays {
  explicit ParameterArrays(const Statement& statement) {
    for (const auto& parameter : statement.parameters()) {
      types.push_back(parameter.type);
      values.push_back(parameter.is_null ? nullptr : parameter.bytes.c_str());
      lengths.push_back(static_cast<int>(parameter.bytes.size()));
      formats.push_back(parameter.binary ? 1 : 0);
    }
  }
  int count() const { return static_cast<int>(values.size()); }
  std::vector<Oid> types;
  std::vector<const char*> values;
  std::vector<int> lengths;
  std::vector<int> formats;
};

}  // namespace

/// Marks the connection as busy; as broken unless the operation came to its end.
class Connection::Operation {
 public:
  explicit Operation(Connection& connection) : connection_(connection) {
    assert(!connection.busy_);
    connection.busy_ = true;
    connection.broken_ = true;
  }
  ~Operation() { connection_.busy_ = false; }
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  void complete() { connection_.broken_ = PQstatus(connection_.session_) != CONNECTION_OK; }

 private:
  Connection& connection_;
};

Connection::Connection(asio::any_io_executor executor, ConnectionSettings settings)
    : executor_(std::move(executor)), settings_(std::move(settings)), statements_(most_prepared_statements) {}

Connection::~Connection() {
  socket_.reset();
  PQfinish(session_);
}

asio::awaitable<Rows> Connection::execute(Statement statement, Deadline deadline) {
  std::vector<Statement> statements;
  statements.push_back(std::move(statement));
  auto results = co_await execute_all(std::move(statements), deadline);
  co_return std::move(results.front());
}

asio::awaitable<std::vector<Rows>> Connection::execute_all(std::vector<Statement> statements, Deadline deadline) {
  Operation operation(*this);
  PipelineAnswers answers(statements_);
  sent(PQenterPipelineMode(session_));
  if (std::exchange(row_by_row_, false)) {
    // libpq 15 leaves single-row mode on for the first command of a pipeline.
    answers.expect_nothing();
    sent(PQsendQueryParams(session_, "SELECT WHERE false", 0, nullptr, nullptr, nullptr, nullptr, 0));
  }
  while (const auto old = statements_.evict()) {
    const auto sql = "DEALLOCATE " + *old;
    answers.expect_nothing();
    sent(PQsendQueryParams(session_, sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0));
  }
  for (const auto& statement : statements) {
    auto name = statements_.find(statement.sql());
    if (!name) {
      name = statements_.add(statement.sql());
      answers.expect_prepared(statement.sql());
      send_prepare(*name, statement);
    }
    answers.expect_rows();
    send_prepared(*name, statement);
  }
  sent(PQpipelineSync(session_));
  co_await flush(deadline);
  while (!answers.complete()) answers.take(co_await next_result(deadline));
  sent(PQexitPipelineMode(session_));
  operation.complete();
  co_return answers.results(purpose(), settings_.variable());
}

void Connection::send_prepare(const std::string& name, const Statement& statement) {
  const ParameterArrays arrays(statement);
  sent(PQsendPrepare(session_, name.c_str(), statement.sql().c_str(), arrays.count(), arrays.types.data()));
}

void Connection::send_prepared(const std::string& name, const Statement& statement) {
  const ParameterArrays arrays(statement);
  sent(PQsendQueryPrepared(session_, name.c_str(), arrays.count(), arrays.values.data(), arrays.lengths.data(),
                           arrays.formats.data(), statement.text_results() ? 0 : 1));
}

void Connection::send_unprepared(const Statement& statement) {
  const ParameterArrays arrays(statement);
  sent(PQsendQueryParams(session_, statement.sql().c_str(), arrays.count(), arrays.types.data(), arrays.values.data(),
                         arrays.lengths.data(), arrays.formats.data(), statement.text_results() ? 0 : 1));
}

asio::awaitable<void> Connection::each_row(Statement statement, const RowSink& sink, Deadline deadline) {
  if (statement.prepared()) co_await prepare(statement, deadline);
  Operation operation(*this);
  if (statement.prepared()) {
    send_prepared(statements_.find(statement.sql()).value(), statement);
  } else {
    send_unprepared(statement);
  }
  sent(PQsetSingleRowMode(session_));
  row_by_row_ = true;
  co_await flush(deadline);
  std::optional<ServerError> error;
  for (auto rows = co_await next_result(deadline); rows.native() != nullptr; rows = co_await next_result(deadline)) {
    if (auto failure = error_of(rows, purpose(), settings_.variable())) error = std::move(failure);
    if (rows.empty() || sink(rows[0])) continue;
    if (co_await skip_rest(deadline)) operation.complete();
    co_return;
  }
  operation.complete();
  if (error) throw ServerError(*error);
}

/// What is still to come of a statement whose rows nobody wants any more; false when that is too much.
asio::awaitable<bool> Connection::skip_rest(Deadline deadline) {
  deadline = std::min(deadline, std::chrono::steady_clock::now() + patience_for_rest);
  std::size_t bytes = 0;
  while (bytes <= most_rest_bytes) {
    while (PQisBusy(session_) != 0) {
      const bool readable = co_await socket_->wait(Socket::Direction::read, deadline);
      if (!readable || PQconsumeInput(session_) == 0) co_return false;
    }
    const Rows rows(PQgetResult(session_));
    if (rows.native() == nullptr) co_return true;
    for (int column = 0; !rows.empty() && column < PQnfields(rows.native()); ++column)
      bytes += rows[0].text(column).size();
  }
  co_return false;
}

asio::awaitable<void> Connection::prepare(const Statement& statement, Deadline deadline) {
  if (statements_.find(statement.sql())) co_return;
  Operation operation(*this);
  send_prepare(statements_.add(statement.sql()), statement);
  co_await flush(deadline);
  std::optional<ServerError> error;
  for (auto rows = co_await next_result(deadline); rows.native() != nullptr; rows = co_await next_result(deadline)) {
    if (auto failure = error_of(rows, purpose(), settings_.variable())) error = std::move(failure);
  }
  operation.complete();
  if (error) statements_.erase(statement.sql());
  if (error) throw ServerError(*error);
}

asio::awaitable<std::vector<Rows>> Connection::script(std::string sql, Deadline deadline) {
  Operation operation(*this);
  sent(PQsendQuery(session_, sql.c_str()));
  co_await flush(deadline);
  auto answers = co_await read_script(deadline);
  operation.complete();
  co_return answers.results(purpose(), settings_.variable());
}

asio::awaitable<ScriptAnswers> Connection::read_script(Deadline deadline) {
  ScriptAnswers answers;
  while (!answers.complete()) answers.take(co_await next_result(deadline));
  co_return answers;
}

asio::awaitable<std::vector<Rows>> Connection::begin_copy(std::string script, Deadline deadline) {
  Operation operation(*this);
  sent(PQsendQuery(session_, script.c_str()));
  co_await flush(deadline);
  auto answers = co_await read_script(deadline);
  operation.complete();
  co_return answers.results(purpose(), settings_.variable());
}

asio::awaitable<std::vector<Rows>> Connection::finish_copy(std::string data, Deadline deadline) {
  Operation operation(*this);
  sent(PQputCopyData(session_, data.data(), static_cast<int>(data.size())));
  sent(PQputCopyEnd(session_, nullptr));
  co_await flush(deadline);
  auto answers = co_await read_script(deadline);
  operation.complete();
  co_return answers.results(purpose(), settings_.variable());
}

bool Connection::take_notifications() {
  bool any = false;
  while (auto* notification = PQnotifies(session_)) {
    PQfreemem(notification);
    any = true;
  }
  return any;
}

asio::awaitable<bool> Connection::wait_notified(Deadline deadline) {
  Operation operation(*this);
  wait_ended_ = false;
  bool notified = take_notifications();
  while (!notified && !wait_ended_) {
    const bool readable = co_await socket_->wait(Socket::Direction::read, deadline);
    if (!readable) break;
    if (PQconsumeInput(session_) == 0) lost();
    notified = take_notifications();
  }
  operation.complete();
  co_return notified;
}

void Connection::end_wait() {
  wait_ended_ = true;
  socket_->end_wait();
}

asio::awaitable<void> Connection::roll_back(Deadline deadline) {
  if (broken_ || PQtransactionStatus(session_) == PQTRANS_IDLE) co_return;
  co_await script("ROLLBACK", deadline);
}

asio::awaitable<void> Connection::flush(Deadline deadline) {
  int left = PQflush(session_);
  for (; left > 0; left = PQflush(session_)) {
    if (!co_await socket_->wait(Socket::Direction::either, deadline)) expired();
    if (PQconsumeInput(session_) == 0) lost();
  }
  if (left < 0) lost();
}

asio::awaitable<Rows> Connection::next_result(Deadline deadline) {
  while (PQisBusy(session_) != 0) {
    if (!co_await socket_->wait(Socket::Direction::read, deadline)) expired();
    if (PQconsumeInput(session_) == 0) lost();
  }
  Rows rows(PQgetResult(session_));
  if (PQstatus(session_) != CONNECTION_OK) lost_with(rows);
  co_return rows;
}

bool Connection::usable() const {
  return !busy_ && !broken_ && PQtransactionStatus(session_) == PQTRANS_IDLE;
}

bool Connection::alive() {
  if (!usable()) return false;
  pollfd descriptor{PQsocket(session_), POLLIN, 0};
  // The server's last words come before the end of the stream: each takes one turn.
  for (int turn = 0; turn < 3 && poll(&descriptor, 1, 0) > 0; ++turn) {
    if (PQconsumeInput(session_) == 0 || PQisBusy(session_) != 0) broken_ = true;
    if (broken_) return false;
  }
  return PQstatus(session_) == CONNECTION_OK;
}

int Connection::server_version() const {
  return PQserverVersion(session_);
}

std::string Connection::purpose() const {
  return "using " + settings_.printable();
}

void Connection::sent(int succeeded) {
  if (succeeded != 1) lost();
}

void Connection::lost() {
  const auto failure = read_connect_failure(PQerrorMessage(session_));
  give_up({purpose(), failure.message, failure.sqlstate.empty() ? "08006" : failure.sqlstate, settings_.variable()});
}

/// The server's own words (it shuts down, say) rather than that the connection is gone.
void Connection::lost_with(const Rows& rows) {
  if (auto error = error_of(rows, purpose(), settings_.variable()); error && !error->sqlstate().empty())
    give_up(*error);
  lost();
}

void Connection::expired() {
  give_up({purpose(), "no answer in time", "08006", settings_.variable()});
}

void Connection::give_up(const ServerError& error) {
  trouble_ = error.what();
  throw ServerError(error);
}

}  // namespace eventbus::postgres
