#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <vector>

#include "eventbus/postgres/connection_settings.hpp"
#include "eventbus/postgres/socket.hpp"

namespace eventbus::postgres {

/// The endpoints with numeric addresses, one for each address of a name, in order; libpq would block while it looks
/// names up, so Asio's resolver thread does it. Names that can't be resolved are left out; throws `Unavailable` when
/// nothing is left or at the deadline.
asio::awaitable<std::vector<Endpoint>> resolve(asio::any_io_executor executor, ConnectionSettings settings,
                                               Deadline deadline);

}  // namespace eventbus::postgres
