#include "eventbus/broker/broker_clock.hpp"

#include <chrono>

namespace eventbus {

BrokerClock steady_utc_clock() {
  return [utc = now(), begun = std::chrono::steady_clock::now()] {
    return utc + std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begun);
  };
}

}  // namespace eventbus
