#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "eventbus/broker/rabbitmq/delivery_id.hpp"
#include "eventbus/postgres/connection_pool.hpp"
#include "eventbus/runtime/signal.hpp"
#include "eventbus/runtime/suspend.hpp"

namespace eventbus::rabbitmq {

namespace asio = boost::asio;

struct Letter {
  InstanceId other = 0;  ///< Its recipient when it is sent, its sender when it arrives.
  std::string body;
};

/// Query for numbers under which sessions of this database hold advisory locks, those of running instances among them.
inline constexpr std::string_view running_instances =
    "SELECT (classid::bigint << 32) | objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND "
    "granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// Letters between the instances that share a database. Each is delivered at most once: it is lost with its recipient,
/// with the database, and when the recipient does not take it in time. An instance is known to run by an advisory lock
/// of a session that it keeps open beside the pool; the server ends it with the process. For the event-loop thread.
class InstanceMail {
 public:
  struct Settings {
    std::chrono::milliseconds timeout;  ///< For one statement, waiting for a connection included.
    std::chrono::milliseconds life;     ///< A letter that was not taken until then is thrown away.
  };
  /// Takes a letter that arrived. Must not throw.
  using Receive = std::function<void(Letter)>;

  InstanceMail(const asio::any_io_executor& loop, postgres::ConnectionPool& pool, InstanceId self, Settings settings,
               Receive receive);

  /// Makes the table. Throws `Unavailable`.
  asio::awaitable<void> migrate();
  /// From here on others reach this instance. Throws `Unavailable`.
  asio::awaitable<void> open();
  /// Sends and receives until `stop`; through every loss of the database.
  asio::awaitable<void> run();
  /// What waits to be sent still is. Idempotent.
  void stop();

  /// True when the letter lies in the database for its recipient, false when no such instance runs. Letters that are
  /// sent at the same time travel together. Throws `Unavailable`.
  asio::awaitable<bool> send(Letter letter);
  using Clock = std::chrono::steady_clock;
  /// False when that instance, which ran at `since`, did not later; true as well when nobody has looked yet. Those who
  /// ask at the same time share one look. Throws `Unavailable`.
  asio::awaitable<bool> runs(InstanceId instance, Clock::time_point since);

 private:
  struct Outgoing {
    Letter letter;
    Completion<bool> done;
  };

  asio::awaitable<void> send_all();
  asio::awaitable<std::set<InstanceId>> post(std::vector<InstanceId> recipients, std::vector<std::string> bodies);
  std::vector<Outgoing> take_group();
  asio::awaitable<void> receive_all();
  asio::awaitable<void> listen();
  asio::awaitable<void> fetch();
  asio::awaitable<void> tidy();
  asio::awaitable<void> look();
  asio::awaitable<postgres::Rows> execute(postgres::Statement statement);

  asio::any_io_executor loop_;
  postgres::ConnectionPool& pool_;
  InstanceId self_;
  Settings settings_;
  Receive receive_;
  Signal changed_;
  std::deque<Outgoing> outgoing_;
  std::unique_ptr<postgres::Connection> session_;  ///< Listens, and shows that we run.
  Clock::time_point tidied_{};
  std::set<InstanceId> running_;  ///< As of the last look.
  Clock::time_point looked_{};
  bool looking_ = false;
  bool stopped_ = false;
};

}  // namespace eventbus::rabbitmq
