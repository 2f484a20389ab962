#include "eventbus/client/targets.hpp"

#include "eventbus/client/server_url.hpp"

namespace eventbus {

std::string event_target(std::string_view event_id) {
  return "/events/by-id?event_id=" + percent_encode(event_id);
}

std::string queue_target(std::string_view queue, std::string_view action) {
  return ("/queues/" + percent_encode(queue)).append(action);
}

std::string breaker_target(std::string_view breaker, std::string_view action) {
  return ("/breakers/" + percent_encode(breaker)).append(action);
}

}  // namespace eventbus
