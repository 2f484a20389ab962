#pragma once

#include "eventbus/core/error.hpp"
#include "eventbus/core/event.hpp"

namespace eventbus {

/// Checks what is there and fills in what is missing, as publishing over HTTP does: `event_id` (a UUIDv7), `timestamp`
/// (now), `correlation_id` (the event id), `routing_key` (the event type); `payload` becomes canonical JSON. An event
/// that was made keeps its id however often it is published. `invalid` names every field at fault; `too_large` for a
/// payload above 1 MiB; `malformed_json` for one that is no JSON. Thread-safe.
///
///     auto event = eventbus::make_event({.event_type = "user.created", .payload = R"({"user_id": 1})"});
Result<Event> make_event(Event fields);

}  // namespace eventbus
