#include "eventbus/postgres/statement.hpp"

#include "eventbus/postgres/wire.hpp"

namespace eventbus::postgres {
namespace {

// OIDs of pg_type that never change.
constexpr std::uint32_t any_type = 0;
constexpr std::uint32_t int8_type = 20;
constexpr std::uint32_t bytea_type = 17;
constexpr std::uint32_t text_type = 25;
constexpr std::uint32_t timestamptz_type = 1184;
constexpr std::uint32_t int8_array_type = 1016;
constexpr std::uint32_t text_array_type = 1009;
constexpr std::uint32_t bytea_array_type = 1001;
constexpr std::uint32_t timestamptz_array_type = 1185;

/// One dimension without nulls, subscripts from 1.
std::string array_header(std::uint32_t element_type, std::size_t count) {
  std::string bytes;
  wire::append(bytes, std::int32_t{count == 0 ? 0 : 1});
  wire::append(bytes, std::int32_t{0});
  wire::append(bytes, element_type);
  if (count == 0) return bytes;
  wire::append(bytes, static_cast<std::int32_t>(count));
  wire::append(bytes, std::int32_t{1});
  return bytes;
}

std::string array_of(std::uint32_t element_type, const std::vector<std::string_view>& values) {
  auto bytes = array_header(element_type, values.size());
  for (const auto value : values) {
    wire::append(bytes, static_cast<std::int32_t>(value.size()));
    bytes += value;
  }
  return bytes;
}

std::string array_of(std::uint32_t element_type, const std::vector<std::int64_t>& values) {
  auto bytes = array_header(element_type, values.size());
  for (const auto value : values) {
    wire::append(bytes, static_cast<std::int32_t>(sizeof value));
    wire::append(bytes, value);
  }
  return bytes;
}

}  // namespace

Statement& Statement::append(std::string_view sql) {
  sql_ += sql;
  return *this;
}

Statement& Statement::add(std::int64_t value) {
  std::string bytes;
  wire::append(bytes, value);
  parameters_.push_back({int8_type, false, true, std::move(bytes)});
  return *this;
}

Statement& Statement::add(std::string_view text) {
  parameters_.push_back({any_type, false, false, std::string(text)});
  return *this;
}

Statement& Statement::add(Timestamp time) {
  std::string bytes;
  wire::append(bytes, wire::micros_of(time));
  parameters_.push_back({timestamptz_type, false, true, std::move(bytes)});
  return *this;
}

Statement& Statement::add(const std::vector<std::int64_t>& values) {
  parameters_.push_back({int8_array_type, false, true, array_of(int8_type, values)});
  return *this;
}

Statement& Statement::add(const std::vector<std::string_view>& values) {
  parameters_.push_back({text_array_type, false, true, array_of(text_type, values)});
  return *this;
}

Statement& Statement::add(const std::vector<Timestamp>& times) {
  std::vector<std::int64_t> micros;
  micros.reserve(times.size());
  for (const auto time : times) micros.push_back(wire::micros_of(time));
  parameters_.push_back({timestamptz_array_type, false, true, array_of(timestamptz_type, micros)});
  return *this;
}

Statement& Statement::add_bytes(const std::vector<std::string_view>& values) {
  parameters_.push_back({bytea_array_type, false, true, array_of(bytea_type, values)});
  return *this;
}

Statement& Statement::add_null() {
  parameters_.push_back({any_type, true, false, {}});
  return *this;
}

Statement& Statement::add_optional(std::string_view text) {
  return text.empty() ? add_null() : add(text);
}

}  // namespace eventbus::postgres
