#include "eventbus/store/postgres/postgres_mode_store.hpp"

#include "eventbus/postgres/migrations.hpp"

namespace eventbus {
namespace {

constexpr std::chrono::seconds patience{10};

constexpr std::string_view mode_table = R"sql(
-- One row.
CREATE TABLE eventbus_mode (
  single BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (single),
  read_only BOOLEAN NOT NULL);
INSERT INTO eventbus_mode (read_only) VALUES (FALSE);
)sql";

postgres::Deadline mode_deadline() {
  return std::chrono::steady_clock::now() + patience;
}

}  // namespace

asio::awaitable<void> PostgresModeStore::open() {
  const auto deadline = mode_deadline();
  auto lease = co_await pool_.acquire(deadline);
  std::string component = "mode";
  std::vector<std::string_view> steps{mode_table};
  co_await postgres::migrate(*lease, std::move(component), std::move(steps), deadline);
}

asio::awaitable<bool> PostgresModeStore::read_only() {
  const auto deadline = mode_deadline();
  auto lease = co_await pool_.acquire(deadline);
  postgres::Statement statement("SELECT read_only FROM eventbus_mode");
  const auto rows = co_await lease->execute(std::move(statement), deadline);
  co_return !rows.empty() && rows[0].boolean(0);
}

asio::awaitable<void> PostgresModeStore::set_read_only(bool read_only) {
  const auto deadline = mode_deadline();
  auto lease = co_await pool_.acquire(deadline);
  postgres::Statement statement("UPDATE eventbus_mode SET read_only = $1::bigint <> 0");
  statement.add(std::int64_t{read_only ? 1 : 0});
  co_await lease->execute(std::move(statement), deadline);
}

}  // namespace eventbus
