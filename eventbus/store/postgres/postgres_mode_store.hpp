#pragma once

#include <chrono>

#include "eventbus/postgres/connection_pool.hpp"
#include "eventbus/store/mode_store.hpp"

namespace eventbus {

/// The mode in the database that all instances share. The pool must outlive it.
class PostgresModeStore final : public ModeStore {
 public:
  explicit PostgresModeStore(postgres::ConnectionPool& pool) : pool_(pool) {}

  /// Makes its table. Before anything else.
  asio::awaitable<void> open();
  asio::awaitable<bool> read_only() override;
  asio::awaitable<void> set_read_only(bool read_only) override;

 private:
  postgres::ConnectionPool& pool_;
};

}  // namespace eventbus
