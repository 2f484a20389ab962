#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "eventbus/postgres/connection.hpp"

namespace eventbus::postgres {

/// Brings the tables of `component` up to date: runs the steps that the database has not seen yet, each an SQL script,
/// in order, in one transaction, and notes them in table eventbus_schema_versions. Several instances may start at once:
/// an advisory lock lets one do it while the others wait. Steps only add, so that older instances go on working beside
/// newer ones; a database that has seen more steps than these is used as it is. A step waits at most two seconds for
/// the lock of a table, because those who come after it would wait as well; it is tried again until the deadline.
/// Throws `Unavailable`.
asio::awaitable<void> migrate(Connection& connection, std::string component, std::vector<std::string_view> steps,
                              Deadline deadline);

}  // namespace eventbus::postgres
