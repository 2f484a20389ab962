#pragma once

/// What programs that use the installed library include.
#include "eventbus/core/error.hpp"
#include "eventbus/core/event.hpp"
#include "eventbus/core/queue.hpp"
#include "eventbus/core/retry_policy.hpp"
#include "eventbus/core/timestamp.hpp"
#include "eventbus/core/uuid.hpp"
#include "eventbus/library/circuit_breaker.hpp"
#include "eventbus/library/connection_manager.hpp"
#include "eventbus/library/deduplicator.hpp"
#include "eventbus/library/event_bus_client.hpp"
#include "eventbus/library/event_publisher.hpp"
#include "eventbus/library/event_replay.hpp"
#include "eventbus/library/event_stores.hpp"
#include "eventbus/library/event_subscriber.hpp"
#include "eventbus/library/make_event.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus {

using api::CircuitBreaker;
using api::EventStore;
using api::PostgreSQLEventStore;
using api::SqliteEventStore;

}  // namespace eventbus
