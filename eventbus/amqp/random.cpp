#include "eventbus/amqp/random.hpp"

#include <random>

namespace eventbus::amqp {

double random_fraction() {
  thread_local std::mt19937_64 engine{std::random_device{}()};
  return std::uniform_real_distribution<double>{0.0, 1.0}(engine);
}

}  // namespace eventbus::amqp
