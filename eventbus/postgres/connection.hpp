#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "eventbus/postgres/answers.hpp"
#include "eventbus/postgres/connection_settings.hpp"
#include "eventbus/postgres/rows.hpp"
#include "eventbus/postgres/server_error.hpp"
#include "eventbus/postgres/socket.hpp"
#include "eventbus/postgres/statement.hpp"
#include "eventbus/postgres/statement_cache.hpp"

struct pg_conn;

namespace eventbus::postgres {

/// One session of a PostgreSQL server on the event loop; nothing here blocks. One operation at a time, from the loop's
/// thread; the connection must outlive it. Each operation has an absolute deadline. All throw `ServerError`: when the
/// server refused, the session goes on (inside a transaction: roll back first); when the session broke, the deadline
/// passed or the coroutine was dropped, `usable` is false from then on and the connection is only good to be destroyed,
/// which closes it. The server ends statements of lost sessions by its statement_timeout. An operation that has begun
/// is not cancelled: that would cost the session.
class Connection {
 public:
  /// Tries the hosts in order. Throws `ServerError` for the last of them.
  static asio::awaitable<std::unique_ptr<Connection>> connect(asio::any_io_executor executor,
                                                              ConnectionSettings settings, Deadline deadline);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Prepares (once a session) and runs the statement. Results are binary unless it says otherwise.
  asio::awaitable<Rows> execute(Statement statement, Deadline deadline);
  /// The same for several statements in one round trip and one transaction: all or none take effect.
  asio::awaitable<std::vector<Rows>> execute_all(std::vector<Statement> statements, Deadline deadline);

  /// Hands each row to `sink` as it arrives, in constant memory. When `sink` returns false it gets no more; the rest is
  /// read and dropped, and only when that is much or takes long is the connection not usable any more. `sink` must not
  /// throw.
  using RowSink = std::function<bool(const Row&)>;
  asio::awaitable<void> each_row(Statement statement, const RowSink& sink, Deadline deadline);

  /// Runs SQL without parameters, several statements separated by ';'. Results are text, one for each statement.
  asio::awaitable<std::vector<Rows>> script(std::string sql, Deadline deadline);

  /// Runs a script up to its `COPY … FROM STDIN`: the results so far. `finish_copy` must follow, or the connection is
  /// lost; it sends the data and returns the results of the COPY and of what follows it in the script.
  asio::awaitable<std::vector<Rows>> begin_copy(std::string script, Deadline deadline);
  asio::awaitable<std::vector<Rows>> finish_copy(std::string data, Deadline deadline);

  /// Waits for a notification of a channel that the session listens to (`LISTEN` by `script`); those that came with
  /// earlier answers count. False at the deadline, or when `end_wait` was called. What is lost with the session is
  /// never heard of, so look for what it would have told after listening anew.
  asio::awaitable<bool> wait_notified(Deadline deadline);
  /// Ends a `wait_notified` that is under way. Immediate; without effect on anything else.
  void end_wait();

  /// Ends a transaction that failed; nothing when there is none.
  asio::awaitable<void> roll_back(Deadline deadline);

  /// Whether the session is at rest, in no transaction and not known to be broken.
  bool usable() const;
  /// `usable`, and the server has not hung up since. One system call.
  bool alive();
  /// Why the server can't be talked to over this connection any more; empty as long as it answers.
  const std::string& trouble() const { return trouble_; }
  int server_version() const;
  const ConnectionSettings& settings() const { return settings_; }

 private:
  class Operation;
  Connection(asio::any_io_executor executor, ConnectionSettings settings);

  asio::awaitable<void> open(Endpoint endpoint, Deadline deadline);
  asio::awaitable<void> set_up_session(Deadline deadline);
  asio::awaitable<void> flush(Deadline deadline);
  asio::awaitable<Rows> next_result(Deadline deadline);
  asio::awaitable<bool> skip_rest(Deadline deadline);
  asio::awaitable<ScriptAnswers> read_script(Deadline deadline);
  asio::awaitable<void> prepare(const Statement& statement, Deadline deadline);
  void send_prepare(const std::string& name, const Statement& statement);
  void send_prepared(const std::string& name, const Statement& statement);
  void send_unprepared(const Statement& statement);
  std::string purpose() const;
  [[noreturn]] void refused() const;
  [[noreturn]] void unanswered() const;
  [[noreturn]] void lost();
  [[noreturn]] void lost_with(const Rows& rows);
  [[noreturn]] void expired();
  [[noreturn]] void give_up(const ServerError& error);
  void sent(int succeeded);
  bool take_notifications();

  asio::any_io_executor executor_;
  ConnectionSettings settings_;
  pg_conn* session_ = nullptr;
  std::optional<Socket> socket_;
  StatementCache statements_;
  std::string trouble_;
  bool busy_ = false;
  bool broken_ = false;
  bool wait_ended_ = false;
  bool row_by_row_ = false;  ///< The last operations read rows one at a time.
};

}  // namespace eventbus::postgres
