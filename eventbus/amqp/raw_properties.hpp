#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "eventbus/amqp/message.hpp"

namespace eventbus::amqp {

/// Properties in AMQP's encoding, which keeps what `Properties` can't hold: tables and arrays among the headers, the
/// kinds of numbers. Source: AMQP 0-9-1, section 4.2.6.1.
std::string encode(const Properties& properties);
/// None for bytes that are no properties.
std::optional<Properties> decode_properties(std::string_view raw);

/// What changes in properties that are handed on.
struct Amendment {
  std::function<bool(std::string_view name)> drops = [](std::string_view) { return false; };  ///< Of headers.
  Headers headers = {};  ///< These come in place of those of the same name.
};
/// The same properties, persistent, amended, and without what holds for the way they came only: expiration and user.
/// Without all headers but those of the amendment where they don't fit. None for bytes that are no properties.
std::optional<std::string> amend(std::string_view raw, const Amendment& amendment);

}  // namespace eventbus::amqp
