#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "eventbus/core/error.hpp"

namespace eventbus::amqp {

/// A header value that is neither text, integer nor boolean, as JSON: tables, arrays (`x-death`), numbers with a point,
/// null. Only received, never sent. Bytes that are no UTF-8 become U+FFFD.
struct JsonText {
  std::string text;
  bool operator==(const JsonText&) const = default;
};

using HeaderValue = std::variant<std::string, std::int64_t, bool, JsonText>;
/// In the order in which they travel. RabbitMQ 4 sorts them by name.
using Headers = std::vector<std::pair<std::string, HeaderValue>>;

/// The value of header `name`, null when there is none.
const HeaderValue* find_header(const Headers& headers, std::string_view name);

/// What travels beside a message's body. An empty text means that the property is absent.
struct Properties {
  std::string content_type;
  std::uint8_t delivery_mode = 2;  ///< 1 transient, 2 persistent; 0 when a received message does not say.
  std::string message_id;
  std::string type;
  std::optional<std::chrono::sys_seconds> timestamp;
  std::string correlation_id;
  std::string reply_to;
  std::string expiration;  ///< Milliseconds, as text.
  std::string app_id;
  Headers headers;

  bool operator==(const Properties&) const = default;
};

struct Message {
  std::string exchange;
  std::string routing_key;
  std::string body;
  Properties properties;
  /// Properties in AMQP's encoding (see raw_properties.hpp), of a message that is handed on as it came: they
  /// stand for `properties`, and the size of such a message is the server's matter.
  std::string raw_properties = {};
  bool mandatory = true;  ///< An unroutable message is returned rather than dropped silently.
};

/// Whether RabbitMQ's protocol can carry it, a body of at most `max_body_bytes`; the error names the field.
Result<void> check_message(const Message& message, std::size_t max_body_bytes);

/// A delivery on one opening of a channel. Another opening, after a reconnect say, has another generation.
struct DeliveryTag {
  std::uint64_t generation;
  std::uint64_t number;
  auto operator<=>(const DeliveryTag&) const = default;
};

struct ReceivedMessage {
  DeliveryTag delivery_tag;
  bool redelivered = false;
  std::string exchange;
  std::string routing_key;
  Properties properties;
  std::string raw_properties;  ///< As they came, in AMQP's encoding: nothing is left out.
  std::string body;
  /// The body as sent. When it is above the connection's `max_body_bytes`, `body` is empty.
  std::uint64_t body_bytes = 0;

  bool too_large() const { return body_bytes != body.size(); }
};

}  // namespace eventbus::amqp
