#pragma once

#include "eventbus/http/call.hpp"

namespace eventbus {

/// Publishes the lines of a streamed NDJSON body in groups, in their order, and reads on while a group is being stored.
/// Memory is bounded by two groups and one line, whatever the length of the body (an atomic body is held whole and has
/// the limit of a JSON batch).
asio::awaitable<Result<void>> publish_ndjson(Call& call, bool atomic);

}  // namespace eventbus
