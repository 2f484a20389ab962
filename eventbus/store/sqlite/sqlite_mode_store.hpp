#pragma once

#include "eventbus/sqlite/database.hpp"
#include "eventbus/store/mode_store.hpp"

namespace eventbus {

/// The mode in the data directory's file. The database must outlive it.
class SqliteModeStore final : public ModeStore {
 public:
  /// Blocking; before the event loop runs. Throws as `sqlite::Database::migrate`.
  explicit SqliteModeStore(sqlite::Database& database);

  asio::awaitable<bool> read_only() override;
  asio::awaitable<void> set_read_only(bool read_only) override;

 private:
  sqlite::Database& database_;
};

}  // namespace eventbus
