#include "eventbus/amqp/incoming_content.hpp"

#include <algorithm>

#include "eventbus/amqp/wire_fields.hpp"

namespace eventbus::amqp {

void IncomingContent::begin(ReceivedMessage start) {
  message_ = std::move(start);
  missing_ = 0;
}

std::optional<ReceivedMessage> IncomingContent::add(const amqp_frame_t& frame) {
  if (!message_) return std::nullopt;  // Of a message whose channel was closed meanwhile.
  if (frame.frame_type == AMQP_FRAME_HEADER) {
    const auto& header = frame.payload.properties;
    message_->properties = read_properties(*static_cast<const amqp_basic_properties_t*>(header.decoded));
    message_->raw_properties = view_of(header.raw);
    message_->body_bytes = missing_ = header.body_size;
    if (header.body_size <= max_body_bytes_) message_->body.reserve(header.body_size);
  } else {
    const auto piece = view_of(frame.payload.body_fragment);
    if (message_->body_bytes <= max_body_bytes_) message_->body.append(piece);
    missing_ -= std::min<std::uint64_t>(missing_, piece.size());
  }
  return take_complete();
}

std::optional<ReceivedMessage> IncomingContent::take_complete() {
  if (missing_ > 0) return std::nullopt;
  auto complete = std::move(message_);
  message_.reset();
  return complete;
}

}  // namespace eventbus::amqp
