#include "eventbus/amqp/raw_properties.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "eventbus/amqp/wire_fields.hpp"

namespace eventbus::amqp {
namespace {

constexpr std::size_t usual_bytes = 4096;
/// RabbitMQ takes a message's properties in one frame, which has 128 KiB with its head unless it is told otherwise.
constexpr std::size_t most_bytes = (std::size_t{128} << 10U) - 64;

/// None where they take more.
std::optional<std::string> encode(amqp_basic_properties_t& properties, std::size_t most) {
  std::string raw(most, '\0');
  const auto size = amqp_encode_properties(AMQP_BASIC_CLASS, &properties, bytes_of(raw));
  if (size < 0) return std::nullopt;
  raw.resize(static_cast<std::size_t>(size));
  raw.shrink_to_fit();
  return raw;
}

std::optional<std::string> encode(amqp_basic_properties_t& properties) {
  auto raw = encode(properties, usual_bytes);
  return raw ? raw : encode(properties, most_bytes);
}

}  // namespace

std::string encode(const Properties& properties) {
  const WireProperties wire(properties);
  auto copy = wire.get();
  auto raw = encode(copy);
  if (!raw) throw std::length_error("properties of a message that `check_message` refuses");
  return std::move(*raw);
}

std::optional<Properties> decode_properties(std::string_view raw) {
  const DecodedProperties decoded(raw);
  if (decoded.get() == nullptr) return std::nullopt;
  return read_properties(*decoded.get());
}

std::optional<std::string> amend(std::string_view raw, const Amendment& amendment) {
  const DecodedProperties decoded(raw);
  if (decoded.get() == nullptr) return std::nullopt;
  auto properties = *decoded.get();
  WireTable added(amendment.headers);
  const auto ours = added.get();
  std::vector<amqp_table_entry_t> entries;
  if ((properties._flags & AMQP_BASIC_HEADERS_FLAG) != 0) {
    for (int at = 0; at < properties.headers.num_entries; ++at) {
      const auto& entry = properties.headers.entries[at];
      const auto name = view_of(entry.key);
      if (!amendment.drops(name) && find_header(amendment.headers, name) == nullptr) entries.push_back(entry);
    }
  }
  entries.insert(entries.end(), ours.entries, ours.entries + ours.num_entries);
  properties._flags &= ~static_cast<amqp_flags_t>(AMQP_BASIC_EXPIRATION_FLAG | AMQP_BASIC_USER_ID_FLAG);
  properties._flags |= AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_HEADERS_FLAG;
  properties.delivery_mode = 2;
  properties.headers = {.num_entries = static_cast<int>(entries.size()), .entries = entries.data()};
  auto amended = encode(properties);
  if (amended) return amended;
  properties.headers = ours;
  return encode(properties);
}

}  // namespace eventbus::amqp
