#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "eventbus/library/deduplicator_backend.hpp"
#include "eventbus/runtime/signal.hpp"
#include "eventbus/sqlite/any_statement.hpp"
#include "eventbus/sqlite/connection.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus {
namespace {

/// A million of them is a second, as in PostgreSQL.
constexpr std::string_view micros_now = "CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER)";
constexpr int most_wal_pages = 1000;

std::string make_sqlite_table() {
  return "CREATE TABLE IF NOT EXISTS eventbus_handled_events (consumer TEXT NOT NULL, event_id TEXT NOT NULL, "
         "handled_at INTEGER NOT NULL DEFAULT (" +
         std::string(micros_now) +
         "), PRIMARY KEY (consumer, event_id));"
         "CREATE INDEX IF NOT EXISTS eventbus_handled_events_age ON eventbus_handled_events (consumer, handled_at);";
}

/// One connection, which one transaction or statement has at a time.
class SharedConnection {
 public:
  SharedConnection(const asio::any_io_executor& loop, std::string file)
      : freed_(loop), connection_(file, sqlite::OpenMode::read_write), file_(std::move(file)) {}

  /// The connection for as long as this lives; undoes what was not committed.
  class Turn {
   public:
    explicit Turn(SharedConnection& shared) : shared_(&shared) { shared.busy_ = true; }
    Turn(Turn&& other) noexcept : shared_(std::exchange(other.shared_, nullptr)) {}
    ~Turn() {
      if (shared_ == nullptr) return;
      roll_back();
      shared_->busy_ = false;
      shared_->freed_.notify_one();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    Turn& operator=(Turn&&) = delete;
    sqlite::Connection& operator*() const { return shared_->connection_; }
    sqlite::Connection* operator->() const { return &shared_->connection_; }
    void roll_back() noexcept {
      try {
        if (shared_->connection_.in_transaction()) shared_->connection_.execute("ROLLBACK");
      } catch (const std::exception& error) {
        log_error("undoing a transaction failed", {{"error", std::string_view(error.what())}});
      }
    }

   private:
    SharedConnection* shared_;
  };

  asio::awaitable<Turn> turn() {
    const auto deadline = std::chrono::steady_clock::now() + DeduplicatorBackend::patience;
    while (busy_) {
      const bool woken = co_await freed_.wait_until(deadline);
      if (!woken && busy_)
        throw Unavailable("waiting for " + file_, "another transaction has it for longer than 30 s; keep work short");
    }
    co_return Turn(*this);
  }

 private:
  bool busy_ = false;
  Signal freed_;
  sqlite::Connection connection_;
  std::string file_;
};

class SqliteHandling final : public HandlingTransaction {
 public:
  SqliteHandling(std::shared_ptr<SharedConnection> shared, SharedConnection::Turn turn)
      : shared_(std::move(shared)), turn_(std::move(turn)) {}

  asio::awaitable<Result<SqlResult>> execute(std::string sql, std::vector<std::optional<std::string>> values) override {
    auto done = sqlite::run_any(*turn_, sql, values);
    if (!done) co_return std::unexpected(std::move(done.error()));
    co_return SqlResult{.affected = done->affected, .rows = std::move(done->rows)};
  }

  bool open() const override { return turn_->in_transaction(); }

  asio::awaitable<void> commit() override {
    turn_->execute("COMMIT");
    if (turn_->wal_pages() > most_wal_pages) turn_->checkpoint(false);
    co_return;
  }

  asio::awaitable<void> roll_back() override {
    turn_.roll_back();
    co_return;
  }

 private:
  std::shared_ptr<SharedConnection> shared_;
  SharedConnection::Turn turn_;
};

/// Blocks its loop while SQLite works, which nothing else runs on.
class SqliteDeduplicator final : public DeduplicatorBackend {
 public:
  SqliteDeduplicator(asio::any_io_executor loop, std::string file, std::string consumer, DeduplicatorLimits limits)
      : loop_(std::move(loop)), file_(std::move(file)), consumer_(std::move(consumer)), limits_(limits) {}

  asio::awaitable<void> prepare() override {
    if (shared_) co_return;
    auto opened = std::make_shared<SharedConnection>(loop_, file_);
    auto turn = co_await opened->turn();
    co_await log_ahead(*turn);
    turn->execute("PRAGMA synchronous = FULL");
    turn->execute("BEGIN IMMEDIATE;" + make_sqlite_table() + "COMMIT;");
    shared_ = std::move(opened);
  }

  asio::awaitable<bool> contains(std::string event_id) override {
    const auto turn = co_await shared_->turn();
    auto statement = turn->prepare(contains_);
    statement.bind(1, consumer_).bind(2, event_id).bind(3, age_micros());
    co_return statement.step();
  }

  asio::awaitable<std::unique_ptr<HandlingTransaction>> begin(std::string event_id) override {
    auto turn = co_await shared_->turn();
    turn->execute("BEGIN IMMEDIATE");
    auto statement = turn->prepare(remember_);
    statement.bind(1, consumer_).bind(2, event_id).bind(3, age_micros()).run();
    if (turn->changes() == 0) co_return nullptr;
    co_return std::make_unique<SqliteHandling>(shared_, std::move(turn));
  }

  asio::awaitable<std::uint64_t> forget_some() override {
    const auto turn = co_await shared_->turn();
    auto old = turn->prepare(forget_old_);
    old.bind(1, consumer_).bind(2, age_micros()).bind(3, static_cast<std::int64_t>(most_forgotten)).run();
    if (turn->changes() > 0) co_return static_cast<std::uint64_t>(turn->changes());
    auto beyond = turn->prepare(forget_beyond_);
    beyond.bind(1, consumer_).bind(2, static_cast<std::int64_t>(limits_.entries));
    beyond.bind(3, static_cast<std::int64_t>(most_forgotten)).run();
    co_return static_cast<std::uint64_t>(turn->changes());
  }

  asio::awaitable<std::uint64_t> size() override {
    const auto turn = co_await shared_->turn();
    auto statement = turn->prepare("SELECT count(*) FROM eventbus_handled_events WHERE consumer = ?1");
    statement.bind(1, consumer_).step();
    co_return static_cast<std::uint64_t>(statement.integer(0));
  }

 private:
  /// Readers and a writer then don't lock each other out. SQLite waits for no other process here.
  asio::awaitable<void> log_ahead(sqlite::Connection& connection) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (connection.query_text("PRAGMA journal_mode") == "delete") {
      try {
        connection.execute("PRAGMA journal_mode = WAL");
      } catch (const Unavailable&) {
        if (std::chrono::steady_clock::now() >= deadline) throw;
      }
      asio::steady_timer pause(loop_, std::chrono::milliseconds{20});
      co_await pause.async_wait(asio::use_awaitable);
    }
  }

  std::int64_t age_micros() const { return std::chrono::microseconds(limits_.age).count(); }

  const std::string contains_ =
      "SELECT 1 FROM eventbus_handled_events WHERE consumer = ?1 AND event_id = ?2 AND handled_at >= " +
      std::string(micros_now) + " - ?3";
  const std::string remember_ =
      "INSERT INTO eventbus_handled_events (consumer, event_id) VALUES (?1, ?2) ON CONFLICT (consumer, event_id) "
      "DO UPDATE SET handled_at = excluded.handled_at WHERE eventbus_handled_events.handled_at < " +
      std::string(micros_now) + " - ?3";
  const std::string forget_old_ =
      "DELETE FROM eventbus_handled_events WHERE rowid IN (SELECT rowid FROM eventbus_handled_events "
      "WHERE consumer = ?1 AND handled_at < " +
      std::string(micros_now) + " - ?2 ORDER BY handled_at LIMIT ?3)";
  const std::string forget_beyond_ =
      "DELETE FROM eventbus_handled_events WHERE rowid IN (SELECT rowid FROM eventbus_handled_events "
      "WHERE consumer = ?1 ORDER BY handled_at DESC, rowid DESC LIMIT ?3 OFFSET ?2)";

  asio::any_io_executor loop_;
  std::string file_;
  std::string consumer_;
  DeduplicatorLimits limits_;
  std::shared_ptr<SharedConnection> shared_;
};

}  // namespace

std::unique_ptr<DeduplicatorBackend> sqlite_deduplicator(const asio::any_io_executor& loop, std::string file,
                                                         std::string consumer, DeduplicatorLimits limits) {
  return std::make_unique<SqliteDeduplicator>(loop, std::move(file), std::move(consumer), limits);
}

}  // namespace eventbus
