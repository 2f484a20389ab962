#include "eventbus/store/sqlite/sqlite_mode_store.hpp"

namespace eventbus {
namespace {

constexpr std::string_view mode_table = R"sql(
CREATE TABLE mode (read_only INTEGER NOT NULL);
INSERT INTO mode VALUES (0);
)sql";

}  // namespace

SqliteModeStore::SqliteModeStore(sqlite::Database& database) : database_(database) {
  database_.migrate("mode", {mode_table});
}

asio::awaitable<bool> SqliteModeStore::read_only() {
  auto look = [](sqlite::Connection& connection) {
    auto row = connection.prepare("SELECT read_only FROM mode");
    return row.step() && row.integer(0) != 0;
  };
  co_return co_await database_.read(look);
}

asio::awaitable<void> SqliteModeStore::set_read_only(bool read_only) {
  auto change = [read_only](sqlite::Connection& connection) {
    connection.prepare("UPDATE mode SET read_only = ?1").bind(1, std::int64_t{read_only ? 1 : 0}).run();
  };
  co_await database_.write(change);
}

}  // namespace eventbus
