#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

#include "eventbus/postgres/connection_pool.hpp"
#include "eventbus/runtime/signal.hpp"
#include "eventbus/runtime/task_group.hpp"
#include "eventbus/store/leadership.hpp"

namespace eventbus {

struct LeadershipSettings {
  /// A leader that was not heard of for so long leads no more. Shorter: another one takes over sooner, also where the
  /// database was only slow.
  std::chrono::milliseconds life{3000};
  std::chrono::milliseconds touch{1000};  ///< How often it lets the server hear of it.
};

/// Leadership by the advisory lock of a session of its own, as a lease: the server ends a session that is silent for
/// its life (idle_session_timeout), as of a process that is frozen, and gives the lock to another instance; the leader
/// counts from before it was last heard of. PostgreSQL 13 ends no silent session: there a frozen process leads on.
class PostgresLeadership final : public Leadership {
 public:
  /// `number` names what is led; the same for all instances. The pool says where, and must outlive it.
  PostgresLeadership(postgres::ConnectionPool& pool, std::int64_t number, LeadershipSettings settings = {})
      : pool_(pool), number_(number), settings_(settings), changed_(pool.executor()), touching_(pool.executor()) {}

  asio::awaitable<bool> lead() override;
  asio::awaitable<void> resign() override;

 private:
  using Clock = std::chrono::steady_clock;

  bool leads() const;
  asio::awaitable<void> open();
  asio::awaitable<void> close();
  asio::awaitable<std::int64_t> ask(std::string_view sql, postgres::Deadline deadline);
  asio::awaitable<void> touch();

  postgres::ConnectionPool& pool_;
  std::int64_t number_;
  LeadershipSettings settings_;
  std::unique_ptr<postgres::Connection> session_;
  bool locked_ = false;  ///< The session has the lock, as far as is known.
  bool asking_ = false;
  bool resigning_ = false;
  Clock::time_point heard_{};  ///< No later than the server last heard of the session.
  Signal changed_;
  TaskGroup touching_;
};

}  // namespace eventbus
