#include <string_view>
#include <utility>

#include "eventbus/library/deduplicator_backend.hpp"
#include "eventbus/postgres/connection_pool.hpp"
#include "eventbus/postgres/migrations.hpp"
#include "eventbus/telemetry/metrics.hpp"

namespace eventbus {
namespace {

constexpr std::string_view make_postgres_table = R"sql(
CREATE TABLE eventbus_handled_events (
  consumer text NOT NULL,
  event_id text NOT NULL,
  handled_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (consumer, event_id)
);
CREATE INDEX eventbus_handled_events_age ON eventbus_handled_events (consumer, handled_at);
)sql";

postgres::Deadline step_deadline() {
  return std::chrono::steady_clock::now() + DeduplicatorBackend::patience;
}

postgres::PoolSettings few_connections() {
  postgres::PoolSettings settings;
  settings.min = 1;
  settings.max = 8;
  settings.acquire_timeout = DeduplicatorBackend::patience;
  return settings;
}

bool statements_fault(std::string_view sqlstate) {
  return sqlstate.starts_with("22") || sqlstate.starts_with("23") || sqlstate.starts_with("42") || sqlstate == "08P01";
}

SqlResult result_of(const postgres::Rows& rows) {
  SqlResult result{.affected = static_cast<std::uint64_t>(rows.affected()), .rows = {}};
  for (int at = 0; at < rows.size(); ++at) {
    auto& row = result.rows.emplace_back();
    for (int column = 0; column < rows.columns(); ++column) {
      if (rows[at].is_null(column)) {
        row.emplace_back();
      } else {
        row.emplace_back(rows[at].text(column));
      }
    }
  }
  return result;
}

struct SharedPool {
  SharedPool(const asio::any_io_executor& loop, postgres::ConnectionSettings database)
      : pool(loop, std::move(database), few_connections(), metrics) {}
  MetricRegistry registry;
  postgres::PoolMetrics metrics{registry};
  postgres::ConnectionPool pool;
};

class PostgresHandling final : public HandlingTransaction {
 public:
  PostgresHandling(std::shared_ptr<SharedPool> shared, postgres::ConnectionPool::Lease lease)
      : shared_(std::move(shared)), lease_(std::move(lease)) {}

  asio::awaitable<Result<SqlResult>> execute(std::string sql, std::vector<std::optional<std::string>> values) override {
    postgres::Statement statement(std::move(sql));
    statement.with_text_results();
    for (const auto& value : values) value ? statement.add(std::string_view(*value)) : statement.add_null();
    try {
      const auto rows = co_await lease_->execute(std::move(statement), step_deadline());
      co_return result_of(rows);
    } catch (const postgres::ServerError& error) {
      if (!statements_fault(error.sqlstate())) throw;
      co_return fail(ErrorCode::invalid, std::string("PostgreSQL refuses the statement: ") + error.what());
    }
  }

  bool open() const override { return !lease_->usable(); }
  asio::awaitable<void> commit() override { co_await lease_->script("COMMIT", step_deadline()); }
  asio::awaitable<void> roll_back() override { co_await lease_->roll_back(step_deadline()); }

 private:
  std::shared_ptr<SharedPool> shared_;  ///< What the lease goes back to.
  postgres::ConnectionPool::Lease lease_;
};

class PostgresDeduplicator final : public DeduplicatorBackend {
 public:
  PostgresDeduplicator(const asio::any_io_executor& loop, postgres::ConnectionSettings database, std::string consumer,
                       DeduplicatorLimits limits)
      : consumer_(std::move(consumer)),
        limits_(limits),
        shared_(std::make_shared<SharedPool>(loop, std::move(database))) {}
  ~PostgresDeduplicator() override { shared_->pool.close(); }

  asio::awaitable<void> prepare() override {
    const auto until = step_deadline();
    auto lease = co_await shared_->pool.acquire(until);
    std::string component = "deduplicator";
    std::vector<std::string_view> steps{make_postgres_table};
    co_await postgres::migrate(*lease, std::move(component), std::move(steps), until);
  }

  asio::awaitable<bool> contains(std::string event_id) override {
    postgres::Statement statement(
        "SELECT 1 FROM eventbus_handled_events WHERE consumer = $1 AND event_id = $2 "
        "AND handled_at >= now() - $3 * interval '1 second'");
    statement.add(consumer_).add(event_id).add(limits_.age.count());
    const auto rows = co_await run(std::move(statement));
    co_return !rows.empty();
  }

  asio::awaitable<std::unique_ptr<HandlingTransaction>> begin(std::string event_id) override {
    const auto until = step_deadline();
    auto lease = co_await shared_->pool.acquire(until);
    co_await lease->script("BEGIN ISOLATION LEVEL READ COMMITTED", until);
    // Waits while another transaction has the same event in hand.
    postgres::Statement statement(
        "INSERT INTO eventbus_handled_events AS handled (consumer, event_id) VALUES ($1, $2) "
        "ON CONFLICT (consumer, event_id) DO UPDATE SET handled_at = now() "
        "WHERE handled.handled_at < now() - $3 * interval '1 second'");
    statement.add(consumer_).add(event_id).add(limits_.age.count());
    const auto rows = co_await lease->execute(std::move(statement), until);
    if (rows.affected() == 1) co_return std::make_unique<PostgresHandling>(shared_, std::move(lease));
    co_await lease->roll_back(until);
    co_return nullptr;
  }

  asio::awaitable<std::uint64_t> forget_some() override {
    postgres::Statement old(
        "DELETE FROM eventbus_handled_events WHERE consumer = $1 AND event_id IN (SELECT event_id FROM "
        "eventbus_handled_events WHERE consumer = $1 AND handled_at < now() - $2 * interval '1 second' "
        "ORDER BY handled_at LIMIT $3)");
    old.add(consumer_).add(limits_.age.count()).add(static_cast<std::int64_t>(most_forgotten));
    const auto forgotten = co_await run(std::move(old));
    if (forgotten.affected() > 0) co_return static_cast<std::uint64_t>(forgotten.affected());
    postgres::Statement beyond(
        "DELETE FROM eventbus_handled_events WHERE consumer = $1 AND event_id IN (SELECT event_id FROM "
        "eventbus_handled_events WHERE consumer = $1 ORDER BY handled_at DESC, event_id DESC OFFSET $2 LIMIT $3)");
    beyond.add(consumer_)
        .add(static_cast<std::int64_t>(limits_.entries))
        .add(static_cast<std::int64_t>(most_forgotten));
    const auto surplus = co_await run(std::move(beyond));
    co_return static_cast<std::uint64_t>(surplus.affected());
  }

  asio::awaitable<std::uint64_t> size() override {
    postgres::Statement statement("SELECT count(*) FROM eventbus_handled_events WHERE consumer = $1");
    statement.add(consumer_);
    const auto rows = co_await run(std::move(statement));
    co_return static_cast<std::uint64_t>(rows[0].integer(0));
  }

 private:
  asio::awaitable<postgres::Rows> run(postgres::Statement statement) {
    const auto until = step_deadline();
    auto lease = co_await shared_->pool.acquire(until);
    co_return co_await lease->execute(std::move(statement), until);
  }

  std::string consumer_;
  DeduplicatorLimits limits_;
  std::shared_ptr<SharedPool> shared_;
};

}  // namespace

Result<std::unique_ptr<DeduplicatorBackend>> postgres_deduplicator(const asio::any_io_executor& loop,
                                                                   const std::string& url, std::string consumer,
                                                                   DeduplicatorLimits limits) {
  auto settings = postgres::ConnectionSettings::parse(url, "the URL of Deduplicator");
  if (!settings) return std::unexpected(std::move(settings.error()));
  return std::make_unique<PostgresDeduplicator>(loop, std::move(*settings), std::move(consumer), limits);
}

}  // namespace eventbus
