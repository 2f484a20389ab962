#pragma once

#include <algorithm>
#include <boost/asio/awaitable.hpp>

#include "eventbus/core/log_lives.hpp"
#include "eventbus/postgres/connection.hpp"

namespace eventbus::postgres_store {

namespace asio = boost::asio;

/// The lives of the log in PostgreSQL, in table eventbus_lives the same for all instances. A life ends where the log
/// may have been put back from a copy: when the server was started (from other files, at another point in time, as
/// another server), and when the rows lie in another database, or were written by other transactions, than they say
/// (CREATE DATABASE from a template, pg_restore). Whichever connection comes first then begins a new one, before
/// anything is stored over it. For the event-loop thread.
class LifeKeeper {
 public:
  /// Looks at a new connection; `ConnectionPool::Check`. Throws `Unavailable`, from then on always, when the log lacks
  /// what this instance has seen.
  asio::awaitable<void> check(postgres::Connection& connection, postgres::Deadline deadline);
  /// As of the newest connection, hence true of everything that was read or stored.
  const LogLives& lives() const { return lives_; }

  /// The log held this position.
  void saw(Position position) { seen_ = std::max(seen_, position); }
  /// Whether the log was put back beneath this instance, whose memory is of the life before. Only a restart helps.
  bool put_back() const { return put_back_; }

 private:
  asio::awaitable<void> begin_life(postgres::Connection& connection, postgres::Deadline deadline);
  asio::awaitable<void> load(postgres::Connection& connection, postgres::Deadline deadline);

  LogLives lives_;
  bool loaded_ = false;
  LifeId newest_ = 0;
  Position seen_ = 0;
  bool put_back_ = false;
};

}  // namespace eventbus::postgres_store
