#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "eventbus/amqp/amqp_url.hpp"
#include "eventbus/core/retry_policy.hpp"

namespace eventbus::amqp {

struct ConnectionSettings {
  AmqpUrl url;
  std::string name;       ///< Shown by the server's management.
  RetryPolicy reconnect;  ///< Of connections and channels; `max_retries` is not used, it goes on for ever.
  /// For one attempt at one host, where the URL has no `connection_timeout`.
  std::chrono::milliseconds timeout{30000};
  /// How long a server may owe confirms or answers on a channel, while it is not blocked, before the connection is made
  /// anew. Lower: sooner well when a channel hangs; higher: more patience with a server that has too much to do.
  std::chrono::milliseconds stall_limit{15000};
  /// So long a consumer that holds nothing may get nothing before it begins anew on another channel: there are servers
  /// that stop delivering to one and say nothing. Lower: sooner well; higher: fewer channels opened where nothing
  /// happens.
  std::chrono::milliseconds idle_renewal{30000};
  /// Larger messages are not sent, and are received without their body.
  std::size_t max_body_bytes = std::size_t{2} << 20U;
  /// Messages in flight without a confirm. More is faster up to a few thousand; all are in doubt when the server dies.
  std::size_t confirm_window = 2048;
};

}  // namespace eventbus::amqp
