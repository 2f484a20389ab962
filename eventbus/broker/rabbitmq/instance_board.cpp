#include "eventbus/broker/rabbitmq/instance_board.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "eventbus/broker/rabbitmq/instance_mail.hpp"
#include "eventbus/postgres/migrations.hpp"

namespace eventbus::rabbitmq {
namespace {

using postgres::Statement;

// One row an instance, written when something changed, and now and then: no write-ahead log, and vacuum comes often.
constexpr std::string_view board_schema = R"sql(
CREATE UNLOGGED TABLE eventbus_instances (
  instance BIGINT PRIMARY KEY,
  queues BIGINT[] NOT NULL,
  ready BIGINT[] NOT NULL,
  in_flight BIGINT[] NOT NULL,
  delayed BIGINT[] NOT NULL,
  arriving BIGINT[] NOT NULL,
  consumers BIGINT[] NOT NULL,
  asked BIGINT[] NOT NULL,
  oldest TIMESTAMPTZ[] NOT NULL,
  shown_at TIMESTAMPTZ NOT NULL)
WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500,
      autovacuum_vacuum_cost_delay = 0);
)sql";

constexpr std::string_view share_columns = "queues, ready, in_flight, delayed, arriving, consumers, asked, oldest";
constexpr Timestamp none{};
constexpr std::chrono::milliseconds good_for{
    5000};  // one that shows nothing new is frozen, and its messages go elsewhere

std::vector<std::int64_t> numbers(const QueueShares& shares, std::uint64_t QueueShare::* member) {
  std::vector<std::int64_t> all;
  for (const auto& [queue, share] : shares) all.push_back(static_cast<std::int64_t>(share.*member));
  return all;
}

Statement show(InstanceId self, const QueueShares& own) {
  Statement statement(fmt::format(
      "INSERT INTO eventbus_instances AS i (instance, {0}, shown_at) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, now()) "
      "ON CONFLICT (instance) DO UPDATE SET ({0}, shown_at) = (excluded.queues, excluded.ready, excluded.in_flight, "
      "excluded.delayed, excluded.arriving, excluded.consumers, excluded.asked, excluded.oldest, "
      "excluded.shown_at) WHERE i.shown_at < now() - {1} * interval '1 ms' OR (i.queues, i.ready, i.in_flight, "
      "i.delayed, i.arriving, i.consumers, i.asked, i.oldest) "
      "IS DISTINCT FROM (excluded.queues, excluded.ready, excluded.in_flight, excluded.delayed, excluded.arriving, "
      "excluded.consumers, excluded.asked, excluded.oldest)",
      share_columns, (good_for / 2).count()));
  std::vector<std::int64_t> queues;
  std::vector<Timestamp> oldest;
  for (const auto& [queue, share] : own) {
    queues.push_back(queue);
    oldest.push_back(share.oldest.value_or(none));
  }
  statement.add(std::bit_cast<std::int64_t>(self)).add(queues);
  for (const auto member : {&QueueShare::ready, &QueueShare::in_flight, &QueueShare::delayed, &QueueShare::arriving,
                            &QueueShare::consumers, &QueueShare::asked})
    statement.add(numbers(own, member));
  statement.add(oldest);
  return statement;
}

Statement look(InstanceId self) {
  Statement statement(
      fmt::format("SELECT instance, share.* FROM eventbus_instances LEFT JOIN LATERAL unnest({0}) AS share ({0}) "
                  "ON true WHERE instance <> $1 AND instance IN ({1}) AND shown_at > now() - {2} * interval '1 ms'",
                  share_columns, running_instances, good_for.count()));
  statement.add(std::bit_cast<std::int64_t>(self));
  return statement;
}

QueueShare read_share(const postgres::Row& row) {
  const auto count = [&row](int column) { return static_cast<std::uint64_t>(row.integer(column)); };
  QueueShare share{.ready = count(2),
                   .in_flight = count(3),
                   .delayed = count(4),
                   .arriving = count(5),
                   .consumers = count(6),
                   .asked = count(7)};
  if (row.time(8) != none) share.oldest = row.time(8);
  return share;
}

}  // namespace

QueueShare& QueueShare::operator+=(const QueueShare& other) {
  ready += other.ready;
  in_flight += other.in_flight;
  delayed += other.delayed;
  arriving += other.arriving;
  consumers += other.consumers;
  asked += other.asked;
  if (other.oldest) oldest = std::min(oldest.value_or(*other.oldest), *other.oldest);
  return *this;
}

asio::awaitable<void> InstanceBoard::migrate() {
  const auto deadline = std::chrono::steady_clock::now() + timeout_;
  auto lease = co_await pool_.acquire(deadline);
  std::vector<std::string_view> steps{board_schema};
  std::string component = "instances";
  co_await postgres::migrate(*lease, std::move(component), std::move(steps), deadline);
}

asio::awaitable<std::map<InstanceId, QueueShares>> InstanceBoard::exchange(QueueShares own) {
  std::erase_if(own, [](const auto& entry) { return entry.second == QueueShare{}; });
  const auto deadline = std::chrono::steady_clock::now() + timeout_;
  std::vector<Statement> statements;
  statements.push_back(show(self_, own));
  statements.push_back(look(self_));
  auto lease = co_await pool_.acquire(deadline);
  const auto results = co_await lease->execute_all(std::move(statements), deadline);
  const auto& rows = results.back();
  std::map<InstanceId, QueueShares> others;
  for (int index = 0; index < rows.size(); ++index) {
    const auto row = rows[index];
    auto& shares = others[std::bit_cast<InstanceId>(row.integer(0))];
    if (!row.is_null(1)) shares.emplace(row.integer(1), read_share(row));
  }
  co_return others;
}

asio::awaitable<void> InstanceBoard::tidy() {
  Statement statement(fmt::format("DELETE FROM eventbus_instances WHERE instance NOT IN ({})", running_instances));
  co_await pool_.execute(std::move(statement), std::chrono::steady_clock::now() + timeout_);
}

}  // namespace eventbus::rabbitmq
