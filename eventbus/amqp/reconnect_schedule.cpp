#include "eventbus/amqp/reconnect_schedule.hpp"

#include <limits>

namespace eventbus::amqp {

void ReconnectSchedule::pause(Time now) {
  if (pauses_ < std::numeric_limits<std::uint32_t>::max()) ++pauses_;
  failed_hosts_ = 0;
  next_.at = now + policy_.wait(pauses_, random_());
}

void ReconnectSchedule::failed(Time now) {
  next_ = {.host = (next_.host + 1) % hosts_, .at = now};
  if (++failed_hosts_ == hosts_) pause(now);
}

void ReconnectSchedule::connected(Time now) {
  failed_hosts_ = 0;
  connected_at_ = now;
}

void ReconnectSchedule::lost(Time now) {
  if (now - connected_at_ >= stable) pauses_ = 0;
  pause(now);
}

}  // namespace eventbus::amqp
