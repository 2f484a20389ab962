#include "eventbus/library/durable_deduplicator.hpp"

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "eventbus/core/timestamp.hpp"
#include "eventbus/library/background_loop.hpp"
#include "eventbus/postgres/connection_pool.hpp"
#include "eventbus/postgres/migrations.hpp"
#include "eventbus/telemetry/metrics.hpp"

namespace eventbus {
namespace {

constexpr std::chrono::milliseconds timeout{30'000};

constexpr std::string_view make_table = R"sql(
CREATE TABLE eventbus_handled_events (
  consumer text NOT NULL,
  event_id text NOT NULL,
  handled_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (consumer, event_id)
);
CREATE INDEX eventbus_handled_events_age ON eventbus_handled_events (consumer, handled_at);
)sql";

postgres::Deadline statement_deadline() {
  return std::chrono::steady_clock::now() + timeout;
}

}  // namespace

struct DurableDeduplicator::Impl {
  Impl(std::string address, std::string who) : url(std::move(address)), consumer(std::move(who)) {}
  ~Impl() {
    loop.call([this] { pool.reset(); });
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  /// The pool, made when first used.
  Result<void> open() {
    if (pool) return {};
    if (consumer.empty() || consumer.size() > 255) return fail(ErrorCode::invalid, "consumer must have 1 to 255 bytes");
    auto settings = postgres::ConnectionSettings::parse(url, "the URL of DurableDeduplicator");
    if (!settings) return std::unexpected(std::move(settings.error()));
    postgres::PoolSettings few;
    few.min = 1;
    few.max = 4;
    pool.emplace(loop.executor(), std::move(*settings), std::move(few), pool_metrics);
    return {};
  }

  asio::awaitable<Result<postgres::Rows>> run(postgres::Statement statement) {
    if (auto opened = open(); !opened) co_return std::unexpected(std::move(opened.error()));
    const auto until = statement_deadline();
    auto lease = co_await pool->acquire(until);
    co_return co_await lease->execute(std::move(statement), until);
  }

  asio::awaitable<Result<void>> prepare() {
    if (auto opened = open(); !opened) co_return std::unexpected(std::move(opened.error()));
    const auto until = statement_deadline();
    auto lease = co_await pool->acquire(until);
    std::string component = "deduplicator";
    std::vector<std::string_view> steps{make_table};
    co_await postgres::migrate(*lease, std::move(component), std::move(steps), until);
    co_return Result<void>{};
  }

  asio::awaitable<Result<bool>> contains(std::string event_id) {
    postgres::Statement statement("SELECT 1 FROM eventbus_handled_events WHERE consumer = $1 AND event_id = $2");
    statement.add(consumer).add(event_id);
    const auto rows = co_await run(std::move(statement));
    if (!rows) co_return std::unexpected(rows.error());
    co_return !rows->empty();
  }

  asio::awaitable<Result<bool>> remember(std::string event_id) {
    postgres::Statement statement(
        "INSERT INTO eventbus_handled_events (consumer, event_id) VALUES ($1, $2) ON CONFLICT DO NOTHING");
    statement.add(consumer).add(event_id);
    const auto rows = co_await run(std::move(statement));
    if (!rows) co_return std::unexpected(rows.error());
    co_return rows->affected() == 1;
  }

  asio::awaitable<Result<std::size_t>> forget(std::chrono::seconds age) {
    postgres::Statement statement("DELETE FROM eventbus_handled_events WHERE consumer = $1 AND handled_at < $2");
    statement.add(consumer).add(now() - age);
    const auto rows = co_await run(std::move(statement));
    if (!rows) co_return std::unexpected(rows.error());
    co_return static_cast<std::size_t>(rows->affected());
  }

  BackgroundLoop loop;
  std::string url;
  std::string consumer;
  MetricRegistry metrics;
  postgres::PoolMetrics pool_metrics{metrics};
  std::optional<postgres::ConnectionPool> pool;
};

DurableDeduplicator::DurableDeduplicator(std::string url, std::string consumer)
    : impl_(std::make_unique<Impl>(std::move(url), std::move(consumer))) {}
DurableDeduplicator::~DurableDeduplicator() = default;

Result<void> DurableDeduplicator::initialize_schema() {
  return impl_->loop.wait(without_throwing(impl_->prepare()));
}
asio::awaitable<Result<void>> DurableDeduplicator::async_initialize_schema() {
  return impl_->loop.run(without_throwing(impl_->prepare()));
}

Result<bool> DurableDeduplicator::contains(std::string event_id) {
  return impl_->loop.wait(without_throwing(impl_->contains(std::move(event_id))));
}
asio::awaitable<Result<bool>> DurableDeduplicator::async_contains(std::string event_id) {
  return impl_->loop.run(without_throwing(impl_->contains(std::move(event_id))));
}

Result<bool> DurableDeduplicator::remember(std::string event_id) {
  return impl_->loop.wait(without_throwing(impl_->remember(std::move(event_id))));
}
asio::awaitable<Result<bool>> DurableDeduplicator::async_remember(std::string event_id) {
  return impl_->loop.run(without_throwing(impl_->remember(std::move(event_id))));
}

Result<std::size_t> DurableDeduplicator::forget_older_than(std::chrono::seconds age) {
  return impl_->loop.wait(without_throwing(impl_->forget(age)));
}
asio::awaitable<Result<std::size_t>> DurableDeduplicator::async_forget_older_than(std::chrono::seconds age) {
  return impl_->loop.run(without_throwing(impl_->forget(age)));
}

}  // namespace eventbus
