#pragma once

#include "eventbus/amqp/amqp_url.hpp"
#include "eventbus/amqp/wakeup.hpp"

namespace eventbus::amqp {

/// The waiter was told to stop.
struct Stopped {};

/// A connected, non-blocking socket. Looks the name up and tries its addresses in turn; blocks until then, the deadline
/// or the stop. Throws `Unavailable` with the reason, or `Stopped`. The caller closes the socket.
int connect_tcp(const Endpoint& endpoint, Waiter& waiter, Deadline deadline);

}  // namespace eventbus::amqp
