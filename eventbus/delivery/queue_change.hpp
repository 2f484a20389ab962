#pragma once

#include "eventbus/core/error.hpp"
#include "eventbus/core/queue.hpp"

namespace eventbus::delivery {

/// Whether a queue may be declared anew as `wanted`. `queue_conflict` names the fields that can't be changed.
Result<void> changeable(const QueueDefinition& old, const QueueDefinition& wanted);

}  // namespace eventbus::delivery
