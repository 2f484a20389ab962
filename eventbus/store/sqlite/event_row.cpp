#include "eventbus/store/sqlite/event_row.hpp"

#include <memory>
#include <string>

namespace eventbus {
namespace {

constexpr std::size_t uuid_length = 36;
constexpr int payload_column = 11;
constexpr std::string_view hex_digits = "0123456789abcdef";

bool dash_at(std::size_t index) {
  return index == 8 || index == 13 || index == 18 || index == 23;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

bool parse_uuid(std::string_view text, std::array<char, 16>& bytes) {
  if (text.size() != uuid_length) return false;
  std::size_t digits = 0;
  for (std::size_t index = 0; index < text.size(); ++index) {
    if (dash_at(index)) {
      if (text[index] != '-') return false;
      continue;
    }
    const int value = hex_value(text[index]);
    if (value < 0) return false;
    auto& byte = bytes.at(digits++ / 2);
    byte = static_cast<char>((static_cast<unsigned char>(byte) << 4U) | static_cast<unsigned>(value));
  }
  return true;
}

std::string format_uuid(std::string_view bytes) {
  std::string text;
  text.reserve(uuid_length);
  for (const char byte : bytes) {
    if (dash_at(text.size())) text += '-';
    text += hex_digits[static_cast<unsigned char>(byte) >> 4U];
    text += hex_digits[static_cast<unsigned char>(byte) & 0xfU];
  }
  return text;
}

}  // namespace

IdKey::IdKey(std::string_view event_id) : text_(event_id), uuid_(parse_uuid(event_id, bytes_)) {}

void IdKey::bind(sqlite::Statement& statement, int index) const {
  if (uuid_) {
    statement.bind_blob(index, {bytes_.data(), bytes_.size()});
  } else {
    statement.bind(index, text_);
  }
}

std::string_view payload_of(const sqlite::Statement& row) {
  return row.text(payload_column);
}

std::int64_t to_micros(Timestamp time) {
  return time.time_since_epoch().count();
}
Timestamp from_micros(std::int64_t micros) {
  return Timestamp(std::chrono::microseconds(micros));
}

StoredEvent read_event(const sqlite::Statement& row) {
  auto event = std::make_shared<Event>();
  event->event_id = row.is_blob(1) ? format_uuid(row.text(1)) : std::string(row.text(1));
  event->timestamp = from_micros(row.integer(2));
  event->event_type = row.text(3);
  event->exchange = row.text(5);
  event->routing_key = row.is_null(6) ? event->event_type : std::string(row.text(6));
  event->ordering_key = row.text(7);
  event->correlation_id = row.is_null(8) ? event->event_id : std::string(row.text(8));
  event->traceparent = row.text(9);
  event->cloudevent = row.text(10);
  event->payload = payload_of(row);
  return {row.integer(0), from_micros(row.integer(4)), std::move(event)};
}

}  // namespace eventbus
