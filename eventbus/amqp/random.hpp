#pragma once

namespace eventbus::amqp {

/// Evenly spread in [0, 1). Thread-safe.
double random_fraction();

}  // namespace eventbus::amqp
