#include "eventbus/store/postgres/event_row.hpp"

#include <memory>
#include <string>

#include "eventbus/store/postgres/payload_text.hpp"

namespace eventbus::postgres_store {
namespace {

void add_unless(postgres::CopyEncoder& rows, std::string_view text, std::string_view usual) {
  if (text == usual) {
    rows.add_null();
  } else {
    rows.add(text);
  }
}

std::string text_or(const postgres::Row& row, int column, std::string_view usual) {
  return std::string(row.is_null(column) ? usual : row.text(column));
}

}  // namespace

StoredEvent read_event(const postgres::Row& row) {
  auto event = std::make_shared<Event>();
  event->event_id = row.text(1);
  event->timestamp = row.time(2);
  event->event_type = row.text(3);
  event->exchange = text_or(row, 5, default_exchange);
  event->routing_key = text_or(row, 6, event->event_type);
  event->ordering_key = row.text(7);
  event->correlation_id = text_or(row, 8, event->event_id);
  event->traceparent = row.text(9);
  event->cloudevent = row.text(10);
  event->payload = row.is_null(12) ? compact_jsonb(row.json(11)) : std::string(row.text(12));
  return {row.integer(0), row.time(4), std::move(event)};
}

void write_event(postgres::CopyEncoder& rows, Position position, Timestamp stored_at, const Event& event) {
  rows.begin_row();
  rows.add(position);
  rows.add(event.event_id);
  rows.add(event.timestamp);
  rows.add(event.event_type);
  rows.add(stored_at);
  add_unless(rows, event.exchange, default_exchange);
  add_unless(rows, event.routing_key, event.event_type);
  rows.add_optional(event.ordering_key);
  add_unless(rows, event.correlation_id, event.event_id);
  rows.add_optional(event.traceparent);
  rows.add_optional(event.cloudevent);
  rows.add_json(event.payload);
  rows.add_optional(kept_by_jsonb(event.payload) ? std::string_view() : event.payload);
}

}  // namespace eventbus::postgres_store
