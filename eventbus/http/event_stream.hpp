#pragma once

#include "eventbus/http/call.hpp"

namespace eventbus {

/// GET /events/stream: Server-Sent Events (WHATWG HTML section 9.2), catch-up and then live.
asio::awaitable<Result<void>> stream_live_events(Call& call);

/// Appends one event as a Server-Sent Event.
void append_server_sent_event(std::string& out, const StoredEvent& stored, bool named);

}  // namespace eventbus
