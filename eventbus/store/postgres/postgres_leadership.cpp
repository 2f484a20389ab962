#include "eventbus/store/postgres/postgres_leadership.hpp"

#include <fmt/format.h>

#include "eventbus/core/error.hpp"
#include "eventbus/runtime/dependency_guard.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus {
namespace {

constexpr std::chrono::seconds timeout{5};
constexpr int ends_silent_sessions = 140000;

}  // namespace

asio::awaitable<bool> PostgresLeadership::lead() {
  if (leads()) co_return true;
  if (locked_ || (session_ && !session_->alive())) co_await close();
  if (!session_) co_await open();
  const auto now = Clock::now();
  std::int64_t locked = 0;
  try {
    locked = co_await ask("SELECT pg_try_advisory_lock($1)::int::bigint", now + timeout);
  } catch (const Unavailable&) {
    session_.reset();
    throw;
  }
  if (locked == 0) co_return false;
  heard_ = now;
  locked_ = true;
  touching_.spawn("touch the leader's session", touch());
  if (!leads()) co_return false;
  log(LogLevel::info, "this instance relays the outbox");
  co_return true;
}

bool PostgresLeadership::leads() const {
  return locked_ && Clock::now() - heard_ < settings_.life && (asking_ || session_->alive());
}

asio::awaitable<void> PostgresLeadership::open() {
  pool_.guard().check();
  const auto deadline = Clock::now() + timeout;
  auto session = co_await postgres::Connection::connect(pool_.executor(), pool_.connection_settings(), deadline);
  if (session->server_version() >= ends_silent_sessions)
    co_await session->script(fmt::format("SET idle_session_timeout = {}", settings_.life.count()), deadline);
  session_ = std::move(session);
}

asio::awaitable<std::int64_t> PostgresLeadership::ask(std::string_view sql, postgres::Deadline deadline) {
  asking_ = true;
  postgres::Statement statement{std::string(sql)};
  statement.add(number_);
  std::int64_t answer = 0;
  try {
    const auto rows = co_await session_->execute(std::move(statement), deadline);
    answer = rows[0].integer(0);
  } catch (...) {
    asking_ = false;
    throw;
  }
  asking_ = false;
  co_return answer;
}

/// While it leads. A failure ends it; `lead` begins anew.
asio::awaitable<void> PostgresLeadership::touch() {
  while (!resigning_ && leads()) {
    co_await changed_.wait_until(heard_ + settings_.touch);
    if (resigning_) break;
    const auto now = Clock::now();
    try {
      co_await ask("SELECT $1::bigint", heard_ + settings_.life);
      heard_ = now;
    } catch (const Unavailable& error) {
      log(LogLevel::debug, "the leader's session ended", {{"error", std::string_view(error.what())}});
      break;
    }
  }
}

asio::awaitable<void> PostgresLeadership::close() {
  resigning_ = true;
  changed_.notify_all();
  co_await touching_.join();
  resigning_ = locked_ = false;
  session_.reset();
}

/// The lock is free when it returns: the end of a session takes its time.
asio::awaitable<void> PostgresLeadership::resign() {
  if (!locked_) co_return session_.reset();
  resigning_ = true;
  changed_.notify_all();
  co_await touching_.join();
  try {
    if (session_->alive()) co_await ask("SELECT pg_advisory_unlock($1)::int::bigint", Clock::now() + timeout);
  } catch (const Unavailable& error) {
    log(LogLevel::debug, "the session ended, and the lock with it", {{"error", std::string_view(error.what())}});
  }
  co_await close();
}

}  // namespace eventbus
