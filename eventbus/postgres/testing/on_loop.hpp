#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <chrono>

#include "eventbus/postgres/connection.hpp"
#include "eventbus/testing/waiting.hpp"

namespace eventbus::postgres {

/// For tests: runs the work until it and everything else on the loop is over.
template <class T>
T run_on(asio::io_context& loop, asio::awaitable<T> work) {
  auto future = asio::co_spawn(loop, std::move(work), asio::use_future);
  run_to_end(loop, "an operation on PostgreSQL");
  return future.get();
}

inline Deadline soon() {
  return std::chrono::steady_clock::now() + std::chrono::seconds{30};
}

}  // namespace eventbus::postgres
