#include "eventbus/amqp/message.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace eventbus::amqp {
namespace {

constexpr std::size_t longest_short_text = 255;
/// RabbitMQ takes a message's properties in one frame of at most 128 KiB.
constexpr std::size_t most_header_bytes = std::size_t{64} << 10U;

std::size_t size_of(const HeaderValue& value) {
  const auto* text = std::get_if<std::string>(&value);
  return 16 + (text != nullptr ? text->size() : 0);
}

Result<void> check_headers(const Headers& headers) {
  std::size_t bytes = 0;
  for (const auto& [name, value] : headers) {
    const auto field = "headers." + name;
    if (name.empty() || name.size() > longest_short_text)
      return fail(ErrorCode::invalid, "a header's name has 1 to 255 bytes", {{field, "has 1 to 255 bytes"}});
    if (std::holds_alternative<JsonText>(value)) {
      const auto message = "is text, an integer or a boolean";
      return fail(ErrorCode::invalid, fmt::format("header {} {}", name, message), {{field, message}});
    }
    bytes += name.size() + size_of(value);
  }
  if (bytes <= most_header_bytes) return {};
  const auto message = fmt::format("have at most {} bytes together", most_header_bytes);
  return fail(ErrorCode::invalid, "headers " + message, {{"headers", message}});
}

}  // namespace

const HeaderValue* find_header(const Headers& headers, std::string_view name) {
  const auto found =
      std::ranges::find(headers, name, [](const auto& header) { return std::string_view(header.first); });
  return found == headers.end() ? nullptr : &found->second;
}

Result<void> check_message(const Message& message, std::size_t max_body_bytes) {
  const auto& properties = message.properties;
  const std::initializer_list<std::pair<std::string_view, const std::string*>> short_texts{
      {"exchange", &message.exchange},
      {"routing_key", &message.routing_key},
      {"content_type", &properties.content_type},
      {"message_id", &properties.message_id},
      {"type", &properties.type},
      {"correlation_id", &properties.correlation_id},
      {"reply_to", &properties.reply_to},
      {"expiration", &properties.expiration},
      {"app_id", &properties.app_id},
  };
  for (const auto& [field, text] : short_texts) {
    if (text->size() <= longest_short_text) continue;
    const auto rule = fmt::format("has at most {} bytes", longest_short_text);
    return fail(ErrorCode::invalid, fmt::format("{} {}", field, rule), {{std::string(field), rule}});
  }
  if (!message.raw_properties.empty()) return {};
  if (message.body.size() > max_body_bytes) {
    const auto rule = fmt::format("has at most {} bytes", max_body_bytes);
    return fail(ErrorCode::too_large, "body " + rule, {{"body", rule}});
  }
  return check_headers(properties.headers);
}

}  // namespace eventbus::amqp
