#pragma once

#include <string_view>

namespace eventbus {

/// What is wrong with the name of a new queue and what is allowed (contract, section 3), empty when it is valid: 1 to
/// 200 bytes of printable UTF-8 without '/', none of the names that RabbitMQ keeps for itself or that are given to what
/// belongs to a queue there. Queues of earlier versions may have others; they are served and can be deleted.
std::string_view queue_name_fault(std::string_view name);

/// Whether an exchange of this name holds dead letters on RabbitMQ: what is published to it would be one.
bool names_dead_letters(std::string_view exchange);

}  // namespace eventbus
