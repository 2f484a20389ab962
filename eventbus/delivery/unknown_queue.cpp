#include "eventbus/delivery/unknown_queue.hpp"

#include <string>

namespace eventbus::delivery {

std::unexpected<Error> unknown_queue(std::string_view queue) {
  return fail(ErrorCode::unknown_queue, "There is no queue '" + std::string(queue) +
                                            "'. Declare it with PUT /queues/{queue}, or list queues with GET /queues.");
}

}  // namespace eventbus::delivery
