#include "eventbus/store/postgres/postgres_leadership.hpp"

#include "eventbus/core/error.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus {
namespace {

constexpr std::chrono::seconds timeout{5};
// The socket tells at once when the server ended the session; a network that swallows everything does not.
constexpr std::chrono::seconds check_interval{1};

}  // namespace

asio::awaitable<std::int64_t> PostgresLeadership::ask(postgres::Connection& connection, std::string_view sql) {
  postgres::Statement statement{std::string(sql)};
  statement.add(number_);
  const auto rows = co_await connection.execute(std::move(statement), std::chrono::steady_clock::now() + timeout);
  co_return rows[0].integer(0);
}

asio::awaitable<bool> PostgresLeadership::lead() {
  const auto now = std::chrono::steady_clock::now();
  if (session_ && !(*session_)->alive()) session_.reset();
  if (session_ && now - checked_ < check_interval) co_return true;
  if (session_) {
    bool lost = false;
    try {
      co_await ask(**session_, "SELECT $1::bigint");
      checked_ = now;
    } catch (const Unavailable&) {
      lost = true;
    }
    if (!lost) co_return true;
    session_.reset();
  }
  auto session = co_await pool_.acquire(now + timeout);
  if (co_await ask(*session, "SELECT pg_try_advisory_lock($1)::int::bigint") == 0) co_return false;
  session_.emplace(std::move(session));
  checked_ = now;
  log(LogLevel::info, "this instance relays the outbox");
  co_return true;
}

asio::awaitable<void> PostgresLeadership::resign() {
  if (!session_) co_return;
  try {
    co_await ask(**session_, "SELECT pg_advisory_unlock($1)::int::bigint");
  } catch (const Unavailable& error) {
    log(LogLevel::debug, "the session ended, and the lock with it", {{"error", std::string_view(error.what())}});
  }
  session_.reset();
}

}  // namespace eventbus
