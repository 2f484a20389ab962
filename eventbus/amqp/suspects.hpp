#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "eventbus/amqp/session.hpp"

namespace eventbus::amqp {

/// Queues whose consuming was begun and not answered when the connection ended. RabbitMQ ends the connection of whoever
/// consumes a quorum queue that lost its process, so each of them is tried again later than before: at once the first
/// time, then after about a second, doubled up to two minutes, while the others of the connection are served. Used on
/// the connection's thread only.
class Suspects {
 public:
  using Time = Deadline;

  void suspect(const std::string& queue, Time now);
  void clear(const std::string& queue) { entries_.erase(queue); }
  /// When it is to be consumed again.
  Time rests_until(const std::string& queue) const;

 private:
  struct Entry {
    std::uint32_t times = 0;
    Time until{};
  };
  std::map<std::string, Entry> entries_;
};

}  // namespace eventbus::amqp
