#include <libpq-fe.h>

#include <algorithm>

#include "eventbus/postgres/connection.hpp"
#include "eventbus/postgres/resolver.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus::postgres {
namespace {

// A plan that is prepared while a table is small reads all of it, and is kept while the table grows. Where there is no
// index to use instead, the cost that this setting pretends would have the server compile the plan.
constexpr auto by_index = "SET enable_seqscan = off; SET jit = off; SET max_parallel_workers_per_gather = 0; ";
constexpr auto most_idle_in_transaction = "60s";
// What is committed is answered as durable. Levels that wait for more than the server's own disk stay as they are.
constexpr auto durable_commits =
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

void log_notice(void* /*context*/, const char* message) {
  log(LogLevel::debug, "PostgreSQL notice", {{"notice", std::string_view(message)}});
}

pg_conn* begin(const ConnectionSettings& settings, const Endpoint& endpoint) {
  const auto keywords = settings.keywords(endpoint);
  std::vector<const char*> names;
  std::vector<const char*> values;
  for (const auto& [name, value] : keywords) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  return PQconnectStartParams(names.data(), values.data(), 0);
}

}  // namespace

asio::awaitable<std::unique_ptr<Connection>> Connection::connect(asio::any_io_executor executor,
                                                                 ConnectionSettings settings, Deadline deadline) {
  const auto endpoints = co_await resolve(executor, settings, deadline);
  std::unique_ptr<Connection> connection;
  for (std::size_t tried = 0; !connection; ++tried) {
    std::unique_ptr<Connection> candidate(new Connection(executor, settings));
    try {
      co_await candidate->open(endpoints[tried],
                               std::min(deadline, std::chrono::steady_clock::now() + settings.connect_timeout));
      connection = std::move(candidate);
    } catch (const ServerError&) {
      if (tried + 1 == endpoints.size()) throw;  // Else the next one may do.
    }
  }
  co_return connection;
}

asio::awaitable<void> Connection::open(Endpoint endpoint, Deadline deadline) {
  session_ = begin(settings_, endpoint);
  if (session_ == nullptr) throw ServerError(purpose(), "out of memory", "53200", settings_.variable());
  PQsetErrorVerbosity(session_, PQERRORS_VERBOSE);  // The only way to learn the SQLSTATE of a refusal.
  PQsetNoticeProcessor(session_, &log_notice, nullptr);
  auto state = PQstatus(session_) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
  while (state != PGRES_POLLING_OK) {
    if (state == PGRES_POLLING_FAILED) refused();
    // A new one each time: libpq may have given up one socket and opened another.
    Socket socket(executor_, PQsocket(session_));
    const auto direction = state == PGRES_POLLING_READING ? Socket::Direction::read : Socket::Direction::write;
    if (!co_await socket.wait(direction, deadline)) unanswered();
    state = PQconnectPoll(session_);
  }
  PQsetErrorVerbosity(session_, PQERRORS_DEFAULT);
  if (const auto reason = refuse_version(PQserverVersion(session_)))
    throw ServerError("connecting to " + settings_.printable(), *reason, too_old, settings_.variable());
  if (PQsetnonblocking(session_, 1) != 0) lost();
  socket_.emplace(executor_, PQsocket(session_));
  co_await set_up_session(deadline);
}

asio::awaitable<void> Connection::set_up_session(Deadline deadline) {
  std::string sql = "SET statement_timeout = " + std::to_string(settings_.statement_timeout.count()) +
                    "; SET idle_in_transaction_session_timeout = '" + most_idle_in_transaction + "'; " + by_index +
                    durable_commits;
  co_await script(std::move(sql), deadline);
}

void Connection::refused() const {
  const auto failure = read_connect_failure(PQerrorMessage(session_));
  throw ServerError("connecting to " + settings_.printable(), failure.message, failure.sqlstate, settings_.variable());
}

void Connection::unanswered() const {
  throw ServerError("connecting to " + settings_.printable(), "no answer in time", "", settings_.variable());
}

}  // namespace eventbus::postgres
