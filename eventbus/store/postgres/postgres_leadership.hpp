#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "eventbus/postgres/connection_pool.hpp"
#include "eventbus/store/leadership.hpp"

namespace eventbus {

/// Leadership by a session's advisory lock: the server gives it to another instance when this one's connection ends.
/// Keeps one connection of the pool while it leads.
class PostgresLeadership final : public Leadership {
 public:
  /// `number` names what is led; the same for all instances.
  PostgresLeadership(postgres::ConnectionPool& pool, std::int64_t number) : pool_(pool), number_(number) {}

  asio::awaitable<bool> lead() override;
  asio::awaitable<void> resign() override;

 private:
  asio::awaitable<std::int64_t> ask(postgres::Connection& connection, std::string_view sql);

  postgres::ConnectionPool& pool_;
  std::int64_t number_;
  std::optional<postgres::ConnectionPool::Lease> session_;
  std::chrono::steady_clock::time_point checked_{};
};

}  // namespace eventbus
