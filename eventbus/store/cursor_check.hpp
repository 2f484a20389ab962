#pragma once

#include <boost/asio/awaitable.hpp>

#include "eventbus/core/error.hpp"
#include "eventbus/store/event_store.hpp"

namespace eventbus {

/// What every reader that goes on from a cursor asks first: `cursor_lost` for a place that this log has not given. That
/// one comes from a time which was lost when the log was put back from an older copy. Throws as `EventStore`.
asio::awaitable<Result<void>> check_cursor(EventStore& store, LogPlace place);

}  // namespace eventbus
