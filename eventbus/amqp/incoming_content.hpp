#pragma once

#include <amqp.h>
#include <amqp_framing.h>

#include <optional>

#include "eventbus/amqp/message.hpp"

namespace eventbus::amqp {

/// Puts a message together from its frames: method, header and pieces of the body. One object a channel. Bodies above
/// `max_body_bytes` are passed over. Source: AMQP 0-9-1, section 4.2.6.
class IncomingContent {
 public:
  explicit IncomingContent(std::size_t max_body_bytes) : max_body_bytes_(max_body_bytes) {}

  /// The message's method came; what it tells is in `start`.
  void begin(ReceivedMessage start);
  /// A header or body frame; the message once it is complete.
  std::optional<ReceivedMessage> add(const amqp_frame_t& frame);
  /// The channel is gone.
  void reset() { message_.reset(); }

 private:
  std::optional<ReceivedMessage> take_complete();

  std::size_t max_body_bytes_;
  std::optional<ReceivedMessage> message_;
  std::uint64_t missing_ = 0;
};

}  // namespace eventbus::amqp
