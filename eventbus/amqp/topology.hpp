#pragma once

#include <cstdint>
#include <string>

#include "eventbus/amqp/message.hpp"

namespace eventbus::amqp {

struct QueueSpec {
  std::string name;  ///< Empty: the server makes one up.
  bool durable = true;
  bool exclusive = false;    ///< Only this connection may use it; gone with the connection.
  bool auto_delete = false;  ///< Gone with its last consumer.
  Headers arguments = {};    ///< As in {"x-queue-type", "quorum"}.
};

struct QueueCounts {
  std::string name;
  std::uint32_t ready = 0;  ///< Messages that wait for a consumer.
  std::uint32_t consumers = 0;
};

}  // namespace eventbus::amqp
