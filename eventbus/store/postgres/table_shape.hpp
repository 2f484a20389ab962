#pragma once

#include <boost/asio/awaitable.hpp>

#include "eventbus/postgres/connection.hpp"

namespace eventbus::postgres_store {

namespace asio = boost::asio;

/// Refuses a table `events` that can't be taken over: without the columns of the contract (section 7), with other
/// types, without the primary key, or with columns of its own that our rows leave empty. Throws a lasting
/// `ServerError` that names the column and what to do. No table at all is fine.
asio::awaitable<void> check_table_shape(postgres::Connection& connection, postgres::Deadline deadline);

}  // namespace eventbus::postgres_store
