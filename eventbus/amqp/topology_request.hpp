#pragma once

#include <memory>
#include <string>

#include "eventbus/amqp/topology_channel.hpp"

namespace eventbus::amqp {

// The methods of AMQP 0-9-1 for exchanges and queues, ready for the topology channel. One with a name above 255
// bytes has a fault.
std::shared_ptr<TopologyRequest> exchange_declaration(std::string name, std::string type, bool durable,
                                                      Deadline deadline);
std::shared_ptr<TopologyRequest> exchange_deletion(std::string name, Deadline deadline);
std::shared_ptr<TopologyRequest> queue_declaration(QueueSpec queue, Deadline deadline);
std::shared_ptr<TopologyRequest> queue_inspection(std::string name, Deadline deadline);
std::shared_ptr<TopologyRequest> binding(std::string queue, std::string exchange, std::string routing_key,
                                         Deadline deadline);
std::shared_ptr<TopologyRequest> unbinding(std::string queue, std::string exchange, std::string routing_key,
                                           Deadline deadline);
std::shared_ptr<TopologyRequest> queue_deletion(std::string name, Deadline deadline);
std::shared_ptr<TopologyRequest> queue_purge(std::string name, Deadline deadline);

}  // namespace eventbus::amqp
