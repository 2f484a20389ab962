#pragma once

#include <cstddef>
#include <string_view>

#include "eventbus/core/event.hpp"
#include "eventbus/postgres/copy_encoder.hpp"
#include "eventbus/postgres/rows.hpp"

namespace eventbus::postgres_store {

/// The columns of a select that `read_event` expects, in its order. An event that was not numbered yet has position 0.
inline constexpr std::string_view event_columns =
    "coalesce(position, 0), event_id, timestamp, event_type, coalesce(created_at, timestamp), exchange, routing_key, "
    "ordering_key, correlation_id, traceparent, cloudevent, CASE WHEN payload_text IS NULL THEN payload END, "
    "payload_text";
inline constexpr int event_column_count = 13;

StoredEvent read_event(const postgres::Row& row);

/// The columns of a COPY that `write_event` fills, in its order.
inline constexpr std::string_view copied_columns =
    "position, event_id, timestamp, event_type, created_at, exchange, routing_key, ordering_key, correlation_id, "
    "traceparent, cloudevent, payload, payload_text";

void write_event(postgres::CopyEncoder& rows, Position position, Timestamp stored_at, const Event& event);

}  // namespace eventbus::postgres_store
