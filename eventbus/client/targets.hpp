#pragma once

#include <string>
#include <string_view>

namespace eventbus {

/// One event, whatever its id: as a query, because ids such as "batch", ".." and "a//b" do not survive as a path.
std::string event_target(std::string_view event_id);
/// A queue, or with `action` ("/ack", "/dead-letters") what is done to it.
std::string queue_target(std::string_view queue, std::string_view action = {});
std::string breaker_target(std::string_view breaker, std::string_view action);

}  // namespace eventbus
