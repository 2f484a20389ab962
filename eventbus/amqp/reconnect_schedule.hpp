#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "eventbus/core/retry_policy.hpp"

namespace eventbus::amqp {

/// When to connect to which host: the hosts in turn, then a pause with exponential backoff and full jitter, for ever.
/// A connection that was lost within `stable` counts as one more failure, so that a server which accepts and drops is
/// not hammered. Decides only; `max_retries` of the policy is not used. For one thread.
class ReconnectSchedule {
 public:
  using Time = std::chrono::steady_clock::time_point;
  /// A number in [0, 1).
  using Random = std::function<double()>;

  struct Attempt {
    std::size_t host;
    Time at;  ///< Not before; the past means now.
    bool operator==(const Attempt&) const = default;
  };

  static constexpr std::chrono::seconds stable{10};

  ReconnectSchedule(RetryPolicy policy, std::size_t hosts, Random random)
      : policy_(policy), hosts_(hosts), random_(std::move(random)) {}

  Attempt next() const { return next_; }
  void failed(Time now);
  void connected(Time now);
  /// The connection that `connected` told of is gone. The same host is tried first: it may have been the network.
  void lost(Time now);

 private:
  void pause(Time now);

  RetryPolicy policy_;
  std::size_t hosts_;
  Random random_;
  Attempt next_{};
  std::size_t failed_hosts_ = 0;  ///< Since the last pause or connection.
  std::uint32_t pauses_ = 0;
  Time connected_at_{};
};

}  // namespace eventbus::amqp
