#include "eventbus/amqp/wire_fields.hpp"

#include <fmt/format.h>

#include <cmath>

#include "eventbus/core/json.hpp"
#include "eventbus/core/json_text.hpp"

namespace eventbus::amqp {
namespace {

/// Deeper values are left out: nobody nests headers, and the text is built by recursion.
constexpr int deepest = 32;
constexpr std::size_t pool_page = 4096;

amqp_field_value_t field_of(const HeaderValue& value) {
  amqp_field_value_t field{};
  if (const auto* text = std::get_if<std::string>(&value)) {
    field.kind = AMQP_FIELD_KIND_UTF8;
    field.value.bytes = bytes_of(*text);
  } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    field.kind = AMQP_FIELD_KIND_I64;
    field.value.i64 = *integer;
  } else if (const auto* boolean = std::get_if<bool>(&value)) {
    field.kind = AMQP_FIELD_KIND_BOOLEAN;
    field.value.boolean = *boolean ? 1 : 0;
  } else {
    field.kind = AMQP_FIELD_KIND_VOID;  // `check_message` keeps JSON out.
  }
  return field;
}

std::optional<std::int64_t> integer_of(const amqp_field_value_t& field) {
  switch (field.kind) {
    case AMQP_FIELD_KIND_I8:
      return field.value.i8;
    case AMQP_FIELD_KIND_U8:
      return field.value.u8;
    case AMQP_FIELD_KIND_I16:
      return field.value.i16;
    case AMQP_FIELD_KIND_U16:
      return field.value.u16;
    case AMQP_FIELD_KIND_I32:
      return field.value.i32;
    case AMQP_FIELD_KIND_U32:
      return field.value.u32;
    case AMQP_FIELD_KIND_I64:
      return field.value.i64;
    case AMQP_FIELD_KIND_U64:
    case AMQP_FIELD_KIND_TIMESTAMP:
      if (field.value.u64 <= INT64_MAX) return static_cast<std::int64_t>(field.value.u64);
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

void append_text(std::string& json, std::string_view text) {
  append_json_string(json, as_valid_utf8(text));
}

std::string decimal(double number) {
  return std::isfinite(number) ? fmt::format("{}", number) : "null";
}

void append_json(std::string& json, const amqp_field_value_t& field, int depth);

void append_table(std::string& json, const amqp_table_t& table, int depth) {
  json += '{';
  for (int at = 0; at < table.num_entries; ++at) {
    if (at > 0) json += ',';
    append_text(json, view_of(table.entries[at].key));
    json += ':';
    append_json(json, table.entries[at].value, depth + 1);
  }
  json += '}';
}

void append_array(std::string& json, const amqp_array_t& array, int depth) {
  json += '[';
  for (int at = 0; at < array.num_entries; ++at) {
    if (at > 0) json += ',';
    append_json(json, array.entries[at], depth + 1);
  }
  json += ']';
}

void append_decimal(std::string& json, const amqp_decimal_t& decimal_of) {
  json += fmt::format("{}e-{}", static_cast<std::int32_t>(decimal_of.value), decimal_of.decimals);
}

void append_json(std::string& json, const amqp_field_value_t& field, int depth) {
  if (depth > deepest) {
    json += "null";
    return;
  }
  if (const auto integer = integer_of(field)) {
    json += fmt::format("{}", *integer);
    return;
  }
  switch (field.kind) {
    case AMQP_FIELD_KIND_UTF8:
    case AMQP_FIELD_KIND_BYTES:
      return append_text(json, view_of(field.value.bytes));
    case AMQP_FIELD_KIND_BOOLEAN:
      json += field.value.boolean != 0 ? "true" : "false";
      return;
    case AMQP_FIELD_KIND_U64:
      json += fmt::format("{}", field.value.u64);
      return;
    case AMQP_FIELD_KIND_F32:
      json += decimal(static_cast<double>(field.value.f32));
      return;
    case AMQP_FIELD_KIND_F64:
      json += decimal(field.value.f64);
      return;
    case AMQP_FIELD_KIND_DECIMAL:
      return append_decimal(json, field.value.decimal);
    case AMQP_FIELD_KIND_TABLE:
      return append_table(json, field.value.table, depth);
    case AMQP_FIELD_KIND_ARRAY:
      return append_array(json, field.value.array, depth);
    default:
      json += "null";
      return;
  }
}

HeaderValue read_field(const amqp_field_value_t& field) {
  if (field.kind == AMQP_FIELD_KIND_UTF8 || field.kind == AMQP_FIELD_KIND_BYTES)
    return std::string(view_of(field.value.bytes));
  if (field.kind == AMQP_FIELD_KIND_BOOLEAN) return field.value.boolean != 0;
  if (const auto integer = integer_of(field)) return *integer;
  JsonText json;
  append_json(json.text, field, 0);
  return json;
}

}  // namespace

WireTable::WireTable(const Headers& headers) {
  entries_.reserve(headers.size());
  for (const auto& [name, value] : headers) entries_.push_back({.key = bytes_of(name), .value = field_of(value)});
}

amqp_table_t WireTable::get() {
  return {.num_entries = static_cast<int>(entries_.size()), .entries = entries_.data()};
}

WireProperties::WireProperties(const Properties& properties) : headers_(properties.headers) {
  set(AMQP_BASIC_CONTENT_TYPE_FLAG, properties_.content_type, properties.content_type);
  set(AMQP_BASIC_MESSAGE_ID_FLAG, properties_.message_id, properties.message_id);
  set(AMQP_BASIC_TYPE_FLAG, properties_.type, properties.type);
  set(AMQP_BASIC_CORRELATION_ID_FLAG, properties_.correlation_id, properties.correlation_id);
  set(AMQP_BASIC_REPLY_TO_FLAG, properties_.reply_to, properties.reply_to);
  set(AMQP_BASIC_EXPIRATION_FLAG, properties_.expiration, properties.expiration);
  set(AMQP_BASIC_APP_ID_FLAG, properties_.app_id, properties.app_id);
  if (properties.delivery_mode != 0) {
    properties_._flags |= AMQP_BASIC_DELIVERY_MODE_FLAG;
    properties_.delivery_mode = properties.delivery_mode;
  }
  if (properties.timestamp) {
    properties_._flags |= AMQP_BASIC_TIMESTAMP_FLAG;
    properties_.timestamp = static_cast<std::uint64_t>(properties.timestamp->time_since_epoch().count());
  }
  if (!properties.headers.empty()) {
    properties_._flags |= AMQP_BASIC_HEADERS_FLAG;
    properties_.headers = headers_.get();
  }
}

void WireProperties::set(std::uint32_t flag, amqp_bytes_t& field, std::string_view text) {
  if (text.empty()) return;
  properties_._flags |= flag;
  field = bytes_of(text);
}

DecodedProperties::DecodedProperties(std::string_view raw) {
  init_amqp_pool(&pool_, pool_page);
  void* decoded = nullptr;
  const auto status = amqp_decode_properties(AMQP_BASIC_CLASS, &pool_, bytes_of(raw), &decoded);
  if (status >= 0) decoded_ = static_cast<amqp_basic_properties_t*>(decoded);
}

DecodedProperties::~DecodedProperties() {
  empty_amqp_pool(&pool_);
}

Headers read_table(const amqp_table_t& table) {
  Headers headers;
  for (int at = 0; at < table.num_entries; ++at)
    headers.emplace_back(view_of(table.entries[at].key), read_field(table.entries[at].value));
  return headers;
}

Properties read_properties(const amqp_basic_properties_t& from) {
  const auto has = [&from](std::uint32_t flag) { return (from._flags & flag) != 0; };
  const auto text = [&has](std::uint32_t flag, amqp_bytes_t field) {
    return has(flag) ? std::string(view_of(field)) : std::string();
  };
  Properties properties{
      .content_type = text(AMQP_BASIC_CONTENT_TYPE_FLAG, from.content_type),
      .delivery_mode = has(AMQP_BASIC_DELIVERY_MODE_FLAG) ? from.delivery_mode : std::uint8_t{0},
      .message_id = text(AMQP_BASIC_MESSAGE_ID_FLAG, from.message_id),
      .type = text(AMQP_BASIC_TYPE_FLAG, from.type),
      .timestamp = std::nullopt,
      .correlation_id = text(AMQP_BASIC_CORRELATION_ID_FLAG, from.correlation_id),
      .reply_to = text(AMQP_BASIC_REPLY_TO_FLAG, from.reply_to),
      .expiration = text(AMQP_BASIC_EXPIRATION_FLAG, from.expiration),
      .app_id = text(AMQP_BASIC_APP_ID_FLAG, from.app_id),
      .headers = {},
  };
  if (has(AMQP_BASIC_TIMESTAMP_FLAG))
    properties.timestamp = std::chrono::sys_seconds(std::chrono::seconds(static_cast<std::int64_t>(from.timestamp)));
  if (has(AMQP_BASIC_HEADERS_FLAG)) properties.headers = read_table(from.headers);
  return properties;
}

}  // namespace eventbus::amqp
