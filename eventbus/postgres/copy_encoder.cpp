#include "eventbus/postgres/copy_encoder.hpp"

#include <utility>

#include "eventbus/postgres/wire.hpp"

namespace eventbus::postgres {
namespace {

constexpr std::string_view header("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
constexpr std::int16_t end_of_data = -1;
constexpr std::int32_t null_length = -1;
constexpr char jsonb_version = 1;

}  // namespace

CopyEncoder::CopyEncoder(std::int16_t columns) : columns_(columns), data_(header) {}

void CopyEncoder::begin_row() {
  wire::append(data_, columns_);
}

void CopyEncoder::add_field(std::string_view bytes) {
  wire::append(data_, static_cast<std::int32_t>(bytes.size()));
  data_ += bytes;
}

void CopyEncoder::add(std::int64_t value) {
  wire::append(data_, static_cast<std::int32_t>(sizeof value));
  wire::append(data_, value);
}

void CopyEncoder::add(std::string_view text) {
  add_field(text);
}

void CopyEncoder::add_bytes(std::string_view bytes) {
  add_field(bytes);
}

void CopyEncoder::add(Timestamp time) {
  add(wire::micros_of(time));
}

void CopyEncoder::add_json(std::string_view json) {
  wire::append(data_, static_cast<std::int32_t>(json.size() + 1));
  data_ += jsonb_version;
  data_ += json;
}

void CopyEncoder::add_null() {
  wire::append(data_, null_length);
}

void CopyEncoder::add_optional(std::string_view text) {
  if (text.empty()) {
    add_null();
  } else {
    add_field(text);
  }
}

std::string CopyEncoder::take() {
  wire::append(data_, end_of_data);
  return std::exchange(data_, std::string(header));
}

}  // namespace eventbus::postgres
