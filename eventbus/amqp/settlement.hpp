#pragma once

#include <cstdint>

namespace eventbus::amqp {

/// What becomes of a delivery.
enum class Settlement : std::uint8_t {
  ack,
  requeue,  ///< Back to the queue, to be delivered again.
  reject,   ///< Dropped, or dead-lettered where the queue says so.
};

}  // namespace eventbus::amqp
